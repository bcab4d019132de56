package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Source: AUTH-CREDS; RFC 6750 §3.1.
func TestBearer(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d, err := Parse("w", []byte(`customers:
  - id: a
    licences: 1
    domains: [a.example]
    users:
      - address: anna@a.example
        tokens: [{value: forever}, {value: "a-._~+/1==", expires: 2026-11-24T13:00:00+01:00}]
      - address: ben@a.example
        tokens: [{value: bens}]
      - address: carl@a.example
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		token string
		now   time.Time
		want  string
	}{
		{"forever", noon.AddDate(100, 0, 0), "anna@a.example"},
		{"a-._~+/1==", noon.Add(-time.Nanosecond), "anna@a.example"},
		{"a-._~+/1==", noon, ""},
		{"bens", noon, "ben@a.example"},
		{"Bens", noon, ""}, {"ben", noon, ""}, {"bens ", noon, ""}, {"", noon, ""}, {strings.Repeat("x", 1<<20), noon, ""},
	} {
		got := ""
		if u := d.Bearer(c.token, c.now); u != nil {
			got = u.ID
		}
		if got != c.want {
			t.Errorf("Bearer(%.20q, %v) = %q, want %q", c.token, c.now, got, c.want)
		}
	}
}

// What is kept is no token: a world that was read doesn't hold it, and a hash doesn't prove anybody.
func TestTokensAreKeptHashed(t *testing.T) {
	token, err := NewToken("opensesame", time.Time{})
	if err != nil || strings.Contains(string(token.Hash[:]), "opensesame") {
		t.Fatal(token, err)
	}
	c := &policy.Customer{ID: "a", Licences: 1, Edition: policy.Workspace, Domains: []string{"a.example"}}
	u := &policy.User{Address: policy.Address{Local: "anna", Domain: "a.example"}, Customer: c, Tokens: []policy.Token{token}}
	d, err := New([]*policy.Customer{c}, []*policy.User{u})
	if err != nil {
		t.Fatal(err)
	}
	if d.Bearer("opensesame", time.Now()) != u || d.Bearer(string(token.Hash[:]), time.Now()) != nil {
		t.Error("the token is anna's, its hash is nobody's")
	}
	other := &policy.User{Address: policy.Address{Local: "ben", Domain: "a.example"}, Customer: c, Tokens: []policy.Token{token}}
	if _, err := New([]*policy.Customer{c}, []*policy.User{u, other}); err == nil || !strings.Contains(err.Error(), "stands already") {
		t.Errorf("one token, two users: %v", err)
	}
	for _, value := range []string{"", "=", "a b", "a\x01", "grün", "a=b", strings.Repeat("x", maxToken+1)} {
		if _, err := NewToken(value, time.Time{}); err == nil || value != "" && value != "=" && strings.Contains(err.Error(), value) {
			t.Errorf("%.20q: %v", value, err)
		}
	}
}
