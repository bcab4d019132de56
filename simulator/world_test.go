package simulator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

func TestWorldSaysWhereItIsWrong(t *testing.T) {
	setting := func(address string) []simulator.Setting {
		return []simulator.Setting{{Description: "all", Senders: policy.AnyAddress, ByAddress: true, Addresses: []simulator.AddressEntry{{Range: address}}}}
	}
	for _, c := range []struct {
		name     string
		customer simulator.Customer
		want     []string
	}{
		{"a range", simulator.Customer{ID: "acme", Licences: 1, Domains: []string{"acme.example"}, Settings: setting("127.0.0.1/33")}, []string{"customer acme", `setting "all"`, "127.0.0.1/33"}},
		{"an address", simulator.Customer{ID: "acme", Licences: 1, Domains: []string{"acme.example"}, Settings: setting("here")}, []string{"customer acme", "here"}},
		{"a token", simulator.Customer{ID: "acme", Licences: 1, Domains: []string{"acme.example"}, Users: []simulator.User{{Address: "anna@acme.example", Tokens: []simulator.Token{{Value: "a b"}}}}}, []string{"user anna@acme.example"}},
		{"what the directory refuses", simulator.Customer{ID: "acme", Licences: 0, Domains: []string{"acme.example"}}, []string{`customer "acme"`, "licence"}},
	} {
		_, err := simulator.World{Customers: []simulator.Customer{c.customer}}.Directory()
		if err == nil {
			t.Errorf("%s: no fault was found", c.name)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q doesn't name %s", c.name, err, word)
			}
		}
	}
}

func TestExtensionsAreWhatEHLOAnnounces(t *testing.T) {
	s := &policy.Service{Capabilities: []string{"SIZE 100", "STARTTLS", "8BITMIME"}, Mechanisms: []string{"PLAIN", "XOAUTH2"}}
	if diff := cmp.Diff([]string{"size", "starttls", "8bitmime", "auth", "auth-plain", "auth-xoauth2"}, simulator.Extensions(s)); diff != "" {
		t.Errorf("with AUTH (-want +got):\n%s", diff)
	}
	s.Mechanisms = nil
	if diff := cmp.Diff([]string{"size", "starttls", "8bitmime"}, simulator.Extensions(s)); diff != "" {
		t.Errorf("without AUTH (-want +got):\n%s", diff)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]policy.Address{
		"Anna@Acme.Example": {Local: "Anna", Domain: "acme.example"}, "a@b@c.example": {Local: "a@b", Domain: "c.example"},
		"postmaster": {Local: "postmaster"}, "": {},
	} {
		if got := simulator.ParseAddress(text); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}
