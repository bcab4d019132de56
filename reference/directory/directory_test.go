package directory

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// world is a small world in code: acme with a subdomain of it that belongs to other.
func world(t *testing.T) (*Directory, *policy.Customer, *policy.Customer) {
	t.Helper()
	ranges := policy.NewAddressList([]policy.Range{
		{Prefix: netip.MustParsePrefix("192.0.2.0/30"), Enabled: true},
		{Prefix: netip.MustParsePrefix("198.51.100.1/32")},
	})
	acme := &policy.Customer{ID: "acme", Licences: 5, Edition: policy.Workspace, Domains: []string{"acme.example"}, Settings: []policy.Setting{
		{Description: "on", Enabled: true, Senders: policy.MyDomains, ByAddress: true, Addresses: ranges},
		{Description: "off", Senders: policy.MyDomains, ByAddress: true, Addresses: policy.NewAddressList([]policy.Range{
			{Prefix: netip.MustParsePrefix("203.0.113.1/32"), Enabled: true},
		})},
	}}
	other := &policy.Customer{ID: "other", Licences: 1, Edition: policy.LegacyFree, Domains: []string{"deep.acme.example", "other.example"}}
	d, err := New([]*policy.Customer{acme, other}, []*policy.User{
		{Address: policy.Address{Local: "Anna", Domain: "acme.example"}, Customer: acme, Aliases: []policy.Address{{Local: "a", Domain: "acme.example"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, acme, other
}

// Source: relay-rules 2.13, CNT-CUST-SUBDOM, CNT-CUST-HELO.
func TestOwnerIsTheLongestRegisteredSuffix(t *testing.T) {
	d, acme, other := world(t)
	for _, c := range []struct {
		domain  string
		owner   *policy.Customer
		matched string
	}{
		{"acme.example", acme, "acme.example"},
		{"ACME.Example", acme, "acme.example"},
		{"acme.example.", acme, "acme.example"},
		{"a.b.acme.example", acme, "acme.example"},
		{"deep.acme.example", other, "deep.acme.example"},
		{"x.DEEP.acme.example", other, "deep.acme.example"},
		{"notacme.example", nil, ""},
		{"acme.example.org", nil, ""},
		{"example", nil, ""},
		{"", nil, ""},
		{".", nil, ""},
		{"acme.example..", nil, ""},
		{"..acme.example", nil, ""},
		{"x..acme.example", nil, ""},
		{"[192.0.2.1]", nil, ""},
		{"[x.acme.example", nil, ""},
		{"localhost", nil, ""},
		{"\u212Aacme.example", nil, ""},
		{strings.Repeat("a.", 120) + "acme.example", acme, "acme.example"},
		{strings.Repeat("a.", 121) + "acme.example", nil, ""},
	} {
		owner, matched := d.Owner(c.domain)
		if owner != c.owner || matched != c.matched {
			t.Errorf("Owner(%.40q) = %v, %q; want %v, %q", c.domain, owner, matched, c.owner, c.matched)
		}
	}
}

// Source: SND-REGISTERED, relay-rules 2.29 and 2.30.
func TestUserAndAlias(t *testing.T) {
	d, _, _ := world(t)
	for _, c := range []struct {
		local, domain string
		user, alias   bool
	}{
		{"anna", "acme.example", true, false},
		{"ANNA", "ACME.example.", true, false},
		{"a", "acme.example", false, true},
		{"anna+x", "acme.example", false, false},
		{"an.na", "acme.example", false, false},
		{"anna", "x.acme.example", false, false},
		{"anna@acme.example", "", false, false},
		{"", "", false, false},
		{strings.Repeat("x", 2000), "acme.example", false, false},
	} {
		a := policy.Address{Local: c.local, Domain: c.domain}
		if got := d.User(a) != nil; got != c.user {
			t.Errorf("User(%.40v): %v", a, got)
		}
		if u := d.User(a); u != nil && u.ID != "anna@acme.example" {
			t.Errorf("User(%v).ID = %q", a, u.ID)
		}
		if got := d.Alias(a) != nil; got != c.alias {
			t.Errorf("Alias(%.40v): %v", a, got)
		}
	}
}

// A domain is the same in either form, wherever it stands. Source: RFC 5890 §2.3.2.1.
func TestDomainsBeyondASCII(t *testing.T) {
	u := &policy.Customer{ID: "u", Licences: 1, Edition: policy.Workspace, Domains: []string{"B\u00fccher.example"}}
	a := &policy.Customer{ID: "a", Licences: 1, Edition: policy.Workspace, Domains: []string{"xn--r8jz45g.example"}}
	jorg := &policy.User{Address: policy.Address{Local: "J\u00f6rg", Domain: "xn--bcher-kva.example"}, Customer: u}
	mei := &policy.User{Address: policy.Address{Local: "mei", Domain: "\u4f8b\u3048.example"}, Customer: a}
	d, err := New([]*policy.Customer{u, a}, []*policy.User{jorg, mei})
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]*policy.Customer{
		"b\u00fccher.example": u, "B\u00dcCHER.Example.": u, "xn--bcher-kva.example": u, "mail.b\u00fccher.example": u, "m\u00e4il.xn--bcher-kva.example": u,
		"\u4f8b\u3048.example": a, "xn--r8jz45g.example": a, "bucher.example": nil, "b\u00fccher": nil, "b\u00fc_cher.example": nil, "\xff.example": nil,
	} {
		owner, matched := d.Owner(domain)
		if owner != want || want != nil && !strings.HasPrefix(matched, "xn--") {
			t.Errorf("Owner(%+q) = %v, %q", domain, owner, matched)
		}
	}
	for _, c := range []struct {
		local, domain string
		want          *policy.User
	}{
		{"J\u00f6rg", "b\u00fccher.example", jorg}, {"j\u00f6RG", "xn--bcher-kva.example", jorg}, {"MEI", "\u4f8b\u3048.example", mei},
		{"J\u00d6rg", "b\u00fccher.example", nil}, // only ASCII letters match without case: relay-rules 2.29
		{"jorg", "b\u00fccher.example", nil},
	} {
		if got := d.User(policy.Address{Local: c.local, Domain: c.domain}); got != c.want {
			t.Errorf("User(%+q@%+q) = %v", c.local, c.domain, got)
		}
	}
	if _, err := New([]*policy.Customer{u, {ID: "twice", Licences: 1, Edition: policy.Workspace, Domains: []string{"xn--bcher-kva.example"}}}, nil); err == nil {
		t.Error("one domain, registered in both forms")
	}
}

// Source: AUTH-IP, IP-ENABLE, CON-IP-TOGGLE.
func TestListedLooksAtEnabledEntriesOfEnabledSettings(t *testing.T) {
	d, _, _ := world(t)
	for peer, want := range map[string]bool{
		"192.0.2.0": true, "192.0.2.3": true, "::ffff:192.0.2.3": true,
		"192.0.2.4": false, "192.0.1.255": false,
		"198.51.100.1": false, // a disabled entry
		"203.0.113.1":  false, // a disabled setting
		"::1":          false,
	} {
		if got := d.Listed(netip.MustParseAddr(peer)); got != want {
			t.Errorf("Listed(%s) = %v", peer, got)
		}
	}
	if d.Listed(netip.Addr{}) {
		t.Error("the zero address is listed")
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	d, _, _ := world(t)
	peer := netip.MustParseAddr("192.0.2.1")
	anna := policy.Address{Local: "ANNA", Domain: "acme.example"}
	allocations := testing.AllocsPerRun(100, func() {
		d.Owner("Mail.Acme.Example")
		d.User(anna)
		d.Alias(anna)
		d.Listed(peer)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestNewHoldsCodeToTheRulesOfAFile(t *testing.T) {
	acme := &policy.Customer{ID: "acme", Edition: "gold", Domains: []string{"acme.example", "Acme.Example"}, Settings: []policy.Setting{
		{Description: "s", Senders: policy.MyDomains},
		{Description: "s", RequireAuth: true, ByAddress: true, Addresses: policy.NewAddressList([]policy.Range{{Prefix: netip.MustParsePrefix("10.0.0.0/15")}})},
	}}
	stranger := &policy.Customer{ID: "stranger"}
	_, err := New([]*policy.Customer{acme, {Licences: 1, Edition: policy.Workspace}}, []*policy.User{
		{Address: policy.Address{Local: "x", Domain: "elsewhere.example"}, Customer: acme, PasswordHash: "$2a$"},
		{Address: policy.Address{Local: "y", Domain: "acme.example"}, Customer: stranger},
		{Address: policy.Address{Local: "z z", Domain: "acme.example"}, Customer: acme},
	})
	want := `customer "acme": licences is 0; write 1 or more (LIM-CUST-LICENCE)
customer "acme": unknown edition "gold"; write workspace or legacy-free (ELIG-LEGACY)
customer "acme": domain acme.example is already registered at customer "acme"; a domain belongs to one customer, once
customer "acme": setting "s" asks for neither addresses nor AUTH; give addresses, require-auth: true, or both (AUTH-METHODS)
customer "acme": setting "s" stands already at customer "acme"; give each setting of a customer its own description (CON-DESC-UNIQUE)
customer "acme": unknown senders option ""; write registered-users, my-domains or any (SND-OPTIONS)
customer "acme": setting "s" lists 2^17 addresses with this entry, 65536 are allowed (disabled entries count); write narrower ranges (IP-MAX-65536)
customer "": id is empty; write a name for the customer, such as acme
customer "": the customer has no domain; give it one
user "x@elsewhere.example": x@elsewhere.example is in none of the domains of customer "acme"; add elsewhere.example to its domains or move the user (SND-REGISTERED)
user "x@elsewhere.example": password-hash is no bcrypt hash; write 60 characters that begin with $2a$, $2b$ or $2y$, in quotes
user "y@acme.example": the user belongs to no customer of this directory; set Customer to one of them
user "z z@acme.example": bad address "z z@acme.example": it has a " " before the @; take it out`
	if err == nil {
		t.Fatal("no fault found")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// Source: AUTH-CREDS.
func TestCheckPassword(t *testing.T) {
	long := strings.Repeat("x", maxPassword)
	hash := func(password string) string {
		h, err := HashPassword(password, 4)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	d, _, _ := world(t)
	plain, full := &policy.User{PasswordHash: hash("secret")}, &policy.User{PasswordHash: hash(long)}
	for _, c := range []struct {
		name     string
		user     *policy.User
		password string
		want     bool
	}{
		{"right", plain, "secret", true},
		{"wrong", plain, "Secret", false},
		{"empty", plain, "", false},
		{"longest", full, long, true},
		{"longer than bcrypt looks", full, long + "y", false},
		{"no password", &policy.User{}, "", false},
		{"unknown user", nil, "", false},
		{"broken hash", &policy.User{PasswordHash: "x"}, "x", false},
	} {
		if got := d.CheckPassword(c.user, c.password); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestHashPasswordRefusesWhatCannotBeChecked(t *testing.T) {
	for _, c := range []struct {
		password string
		cost     int
	}{{"", 4}, {strings.Repeat("x", 73), 4}, {"x", 3}, {"x", 17}} {
		if _, err := HashPassword(c.password, c.cost); err == nil {
			t.Errorf("%.10q at cost %d: no error", c.password, c.cost)
		}
	}
}

// The decoy must be as dear as the dearest hash, or the time of an answer tells who exists.
func TestDecoyHasTheHighestCost(t *testing.T) {
	h5, _ := HashPassword("x", 5)
	decoy := string(decoyHash([]*policy.User{{}, {PasswordHash: h5}}))
	if !strings.HasPrefix(decoy, "$2a$05$") {
		t.Errorf("decoy %s", decoy)
	}
	if fault := hashFault(decoy); fault != "" {
		t.Error(fault)
	}
}
