package directory

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// TestFaultsAreToldAllAtOnce holds every kind of fault in one file against a list that a person has read.
func TestFaultsAreToldAllAtOnce(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "faults.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "faults.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("world.yaml", data)
	if err == nil {
		t.Fatal("no fault found")
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
		if *update {
			os.WriteFile(filepath.Join("testdata", "faults.txt"), []byte(err.Error()+"\n"), 0o644)
		}
	}
}

var update = flag.Bool("update", false, "write testdata/faults.txt anew, to be read by a person")

// one is a world with one setting whose addresses are given.
func one(addresses string) []byte {
	return []byte("customers:\n  - id: a\n    licences: 1\n    domains: [a.example]\n    settings:\n      - {description: s, senders: my-domains, addresses: " + addresses + "}\n")
}

// Source: IP-CIDR, IP-V6, IP-V6-SPELLINGS.
func TestRangesAreRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"123.123.123.123", "123.123.123.123/32"},
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"1050:0000:0000:0000:0005:0600:300c:326b", "1050::5:600:300c:326b/128"},
		{"1050:0:0:0:5:600:300c:326b", "1050::5:600:300c:326b/128"},
		{"1050::5:600:300c:326b", "1050::5:600:300c:326b/128"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
	} {
		d, err := Parse("w", one(`["`+c.text+`"]`))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		s := d.Customers()[0].Settings[0]
		if got := s.Addresses.Ranges()[0]; got.Prefix.String() != c.want || !got.Enabled || !s.ByAddress || !s.Enabled {
			t.Errorf("%s: %+v", c.text, got)
		}
	}
}

// Source: IP-MAX-65536, relay-rules 2.28.
func TestASettingListsAtMost65536Addresses(t *testing.T) {
	for addresses, faults := range map[string]int{
		"[10.0.0.0/16]":                        0,
		"[10.0.0.0/15]":                        1,
		"['2001:db8::/112']":                   0,
		"['2001:db8::/111']":                   1,
		"['::/0']":                             1,
		"[0.0.0.0/0, 10.0.0.0/15]":             1,
		"[10.0.0.0/17, 10.1.0.0/17]":           0,
		"[10.0.0.0/17, 10.1.0.0/17, 10.2.0.1]": 1,
		"[10.0.0.0/16, {range: 192.0.2.1, enabled: false}]":    1,
		"[{range: 10.0.0.0/16, enabled: false}, 192.0.2.1/32]": 1,
	} {
		_, err := Parse("w", one(addresses))
		got, _ := err.(Faults)
		if len(got) != faults || faults > 0 && got[0].Rule != "IP-MAX-65536" {
			t.Errorf("%s: %v", addresses, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	for addresses, want := range map[string]string{
		"[192.0.2.0/24]":      "",
		"[127.0.0.1, '::1']":  "",
		"[198.51.100.0/23]":   "w:6:59: 198.51.100.0/23 is wide; list only the addresses that send (IP-NARROW)",
		"['2606:4700::/119']": "w:6:59: 2606:4700::/119 is wide; list only the addresses that send (IP-NARROW)",
		"[10.1.1.1]":          "w:6:59: 10.1.1.1/32 is private, not public; list the address that the relay sees (IP-PUBLIC)",
		"['fe80::1']":         "w:6:59: fe80::1/128 is link-local, not public; list the address that the relay sees (IP-PUBLIC)",
		"[100.64.0.1]":        "w:6:59: 100.64.0.1/32 is shared by a provider's customers, not public; list the address that the relay sees (IP-PUBLIC)",
		"[]":                  `w:6:9: setting "s" has an empty list of addresses, so it admits nobody; list one, or leave addresses out (AUTH-IP)`,
	} {
		d, err := Parse("w", one(addresses))
		if err != nil {
			t.Errorf("%s: %v", addresses, err)
			continue
		}
		var got []string
		for _, w := range d.Warnings() {
			got = append(got, w.String())
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: %q", addresses, got)
		}
	}
}

// A file that isn't a world at all is one fault with a place.
func TestFilesOfAnotherForm(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "w:1:1: the file is empty; write customers: and a list of them",
		"# nothing":                "w:1:1: the file is empty; write customers: and a list of them",
		"{}":                       "w:1:1: customers is missing; write customers: and a list of them",
		"- a":                      "w:1:1: the world is a list; write keys with values: customers",
		"customers: []\nusers: []": `w:2:1: the world has no key "users"; write one of customers`,
		"custmers: []":             `w:1:1: the world has no key "custmers"; did you mean customers?` + "\nw:1:1: customers is missing; write customers: and a list of them",
		"customers: []\n---\nx: y": "w:3:2: a second document begins here; write one, without ---",
		"customers:\n\t- a":        "w:2:1: this isn't YAML: found character 'tab' that cannot start any token; look at the indentation, quotes and brackets here",
		"customers: *x":            "w:1:12: customers is an anchor or alias, which a world file doesn't have; write a list: each item on its own line after a hyphen, or [a, b]",
		"customers: !!seq []":      "w:1:12: customers is a tagged value, which a world file doesn't have; write a list: each item on its own line after a hyphen, or [a, b]",
	} {
		_, err := Parse("w", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestLoadSaysWhichFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error: %v", err)
	}
}

// The sample world must show what it promises, and warn of what it shows on purpose only.
func TestSampleWorld(t *testing.T) {
	d, err := Load(filepath.Join("..", "..", "world.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	warnings := d.Warnings()
	if len(warnings) != 1 || warnings[0].Rule != "SND-ANY-WARN" {
		t.Errorf("warnings: %v", warnings)
	}
	anna := d.User(policy.Address{Local: "anna", Domain: "acme.example"})
	bella := d.User(policy.Address{Local: "bella", Domain: "vault.example"})
	for _, u := range []*policy.User{anna, bella} {
		if u == nil || !d.CheckPassword(u, "correct horse") {
			t.Errorf("user %+v can't authenticate as the comment says", u)
		}
	}
	if !d.Listed(netip.MustParseAddr("127.0.0.1")) || d.Listed(netip.MustParseAddr("127.0.0.9")) {
		t.Error("127.0.0.1 must be listed, 127.0.0.9 not")
	}
	if c, _ := d.Owner("mail.acme.test"); c != d.Customer("acme") || c == nil {
		t.Errorf("mail.acme.test is %v's", c)
	}
	if c := d.Customer("fresh"); c.Paid || d.Customer("pico").Licences != 1 {
		t.Errorf("fresh %+v", c)
	}
}

// FuzzParse: no input makes Parse panic, and every fault has its file, line and column.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/faults.yaml", "../../world.yaml"} {
		data, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("customers:\n  - id: a\n    licences: 1\n    domains: [b\u00fccher.example]\n    users:\n      - {address: j\u00f6rg@xn--bcher-kva.example, tokens: [{value: t, expires: 2027-01-01T00:00:00Z}]}\n"))
	f.Add(one("[10.0.0.0/16, &a {range: *a}]"))
	f.Add([]byte("customers: !!map {? [x] : y, <<: z}\n--- |\n x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("w", data)
		if (d == nil) == (err == nil) {
			t.Fatalf("directory %v, error %v", d, err)
		}
		if err == nil {
			findable(t, d)
			return
		}
		for _, fault := range err.(Faults) {
			if fault.File != "w" || fault.Line < 1 || fault.Column < 1 || fault.Text == "" || strings.Contains(fault.Text, "\n") {
				t.Errorf("fault %+v", fault)
			}
		}
	})
}

// findable looks everybody up who stands in a world.
func findable(t *testing.T, d *Directory) {
	for _, c := range d.Customers() {
		if d.Customer(c.ID) != c {
			t.Errorf("customer %q isn't found", c.ID)
		}
		for _, name := range c.Domains {
			if owner, _ := d.Owner(name); owner != c {
				t.Errorf("%q isn't found to be %q's", name, c.ID)
			}
		}
	}
	for _, u := range d.Users() {
		if d.User(u.Address) != u || u.Customer == nil || u.ID == "" {
			t.Errorf("user %+v isn't found", u)
		}
		if owner, _ := d.Owner(u.Address.Domain); owner != u.Customer {
			t.Errorf("user %+v is in nobody's domain", u)
		}
	}
}
