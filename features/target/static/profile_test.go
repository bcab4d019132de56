package static

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// environment is that of the tests.
func environment(name string) (string, bool) {
	value, set := map[string]string{"RELAY_PASSWORD": "from outside", "HOST": "127.0.0.1"}[name]
	return value, set
}

func TestParseReadsAWholeProfile(t *testing.T) {
	no := false
	got, err := Parse("target.yaml", []byte(`
name: relay
version: 1.50
ports: {25: "${HOST}:2525", 587: "[::1]:2587"}
tls: {server-name: relay.example}
roles:
  client: mta.corp.example
  sender: app@corp.example
  recipients: ["*@example.net", bob@example.org]
  user: {address: anna@corp.example, password: "${RELAY_PASSWORD}", tokens: [t1, "$${t2}"]}
  other: {address: ben@corp.example, password: 123}
  expired: old
capabilities: [auth, auth-plain, volume]
sink: {listen: "127.0.0.1:0"}
start:
  command: [./relay, -hop, "{sink}", -dir, "{scratch}"]
  env: {PORT: "{port465}", LEVEL: 3}
  ready: listening
  within: 1m30s
timeout: 250ms
customers:
  - id: acme
    licences: any
    billing: unpaid
    domains: [corp.example]
    users: [{address: anna@corp.example, password: x, aliases: [a@corp.example]}]
    settings:
      - {senders: any, addresses: [127.0.0.1, {range: 10.0.0.0/8, enabled: false}], require-auth: true}
      - {senders: my-domains, addresses: []}
`), environment)
	if err != nil {
		t.Fatal(err)
	}
	want := &Profile{
		Name: "relay", Version: "1.50",
		Ports: Ports{Port25: "127.0.0.1:2525", Port587: "[::1]:2587"},
		TLS:   TLS{ServerName: "relay.example"},
		Roles: Roles{
			Client: "mta.corp.example", Sender: "app@corp.example", Recipients: []string{"*@example.net", "bob@example.org"},
			User:    User{Address: "anna@corp.example", Password: "from outside", Tokens: []string{"t1", "${t2}"}},
			Other:   User{Address: "ben@corp.example", Password: "123"},
			Expired: "old",
		},
		Capabilities: []target.Capability{"auth", "auth-plain", "volume"},
		Sink:         &Sink{Listen: "127.0.0.1:0"},
		Start: &Start{
			Command: []string{"./relay", "-hop", "{sink}", "-dir", "{scratch}"},
			Env:     map[string]string{"PORT": "{port465}", "LEVEL": "3"},
			Ready:   "listening", Within: 90 * time.Second,
		},
		Timeout: 250 * time.Millisecond,
		Customers: []Customer{{
			ID: "acme", Billing: "unpaid", Domains: []string{"corp.example"},
			Users: []User{{Address: "anna@corp.example", Password: "x", Aliases: []string{"a@corp.example"}}},
			Settings: []Setting{
				{Senders: "any", Addresses: []Entry{{Range: "127.0.0.1"}, {Range: "10.0.0.0/8", Enabled: &no}}, RequireAuth: true},
				{Senders: "my-domains", Addresses: []Entry{}},
			},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Profile{})); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
}

// bound are roles that are bound, to be followed by what is wrong.
const bound = "roles: {sender: app@corp.example, recipients: ['*@example.net']}\n"

func TestEveryFaultHasItsPlaceAndItsCure(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                       {`1:1: the file is empty; write name:, ports: and roles:`},
		"name: [\n":                              {"this isn't YAML: "},
		"name: a\n---\nname: b\n":                {"3:1: a second document begins here; write one, without ---"},
		"- a\n":                                  {"1:1: a profile is a list; write keys with values: name, version, "},
		"nam: x\nports: {25: 'h:1'}\n" + bound:   {`1:1: a profile has no key "nam"; did you mean name?`, "1:1: name is missing; write name: and what reports shall call the relay"},
		"name: ''\nports: {25: 'h:1'}\n" + bound: {"1:7: name is empty; write name:"},
		"name: x\nname: y\nports: {25: 'h:1'}\n" + bound: {"2:1: name stands already at line 1; write it once"},
		"name: x\n" + bound:            {"1:1: nothing says where the relay is; write ports: {25: 127.0.0.1:2525}"},
		"name: x\nports: 25\n" + bound: {"2:8: ports is a number; write keys with values: 25, 465, 587"},
		"name: x\nports: {26: 'h:1', 25: h, 465: 'h:0', 587: ':25'}\n" + bound: {
			`2:9: ports has no key "26"; did you mean 25?`, `2:24: ports.25: "h" is no host:port; write an address such as`,
			`2:32: ports.465: "h:0" is no host:port`, `2:44: ports.587: ":25" is no host:port`,
		},
		"name: x\nports: {25: 'h:1'}\n": {"1:1: role not bound: sender; write roles: {sender: ...}", "1:1: role not bound: recipients"},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: app, recipients: [bob, '*@example.net']}\n": {
			`3:17: roles.sender: "app" is no address; write local@domain`, `3:35: roles.recipients[0]: "bob" is no address`,
		},
		"name: x\nports: {25: 'h:1'}\nroles:\n  sender: a@b\n  recipients: []\n  user: {address: a@b}\n  expired: t\n": {
			"5:15: role not bound: recipients is empty", "6:3: roles.user has neither a password nor tokens; write password: ${RELAY_PASSWORD}, or tokens:",
		},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], user: {address: a@b, tokens: [t]}, authenticate: true}\n": {
			"3:90: role not bound: user (with a password); roles.authenticate says it in AUTH; write roles: {user: {address: ..., password: ...}}",
		},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], authenticate: perhaps}\n": {"3:55: roles.authenticate is "},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], expired: t}\n":            {"3:50: roles.expired is a token of roles.user, which isn't bound"},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], user: {address: a@b, password: '${NOPE}'}}\n": {
			"3:72: roles.user.password: the environment variable NOPE isn't set; export it, or write the value",
		},
		"name: x\nports: {25: 'h:1'}\n" + bound + "capabilities: [clock, starttsl, deliveries, world, auth, size, size]\n": {
			"4:16: clock is a verb, and nobody can steer a static target; leave it out",
			`4:23: no capability is called "starttsl"; did you mean starttls?`,
			"4:33: deliveries takes a sink", "4:45: world takes customers", "4:52: role not bound: user; auth needs it", "4:64: size stands already",
		},
		"name: x\nports: {25: 'h:1'}\n" + bound + "capabilities: [zzzzzzzzz]\n": {`no capability is called "zzzzzzzzz"; write one of world, deliveries, `},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], user: {address: a@b, tokens: [t]}}\ncapabilities: [auth-plain]\n": {
			"4:16: role not bound: user (with a password); auth-plain needs it",
		},
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], user: {address: a@b, password: p}}\ncapabilities: [auth-xoauth2]\n": {
			"4:16: role not bound: user (with tokens); auth-xoauth2 needs it",
		},
		"name: x\nports: {25: 'h:1'}\n" + bound + "sink: nun\n":                             {"4:7: sink is another text than none; write none, or keys with values"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "sink: {}\n":                              {"sink.listen is missing; write listen: 127.0.0.1:0"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "sink: {listen: here}\n":                  {`4:16: sink.listen: "here" is no host:port`},
		"name: x\nports: {25: 'h:1'}\n" + bound + "tls: {ca: none.pem}\n":                   {"4:11: tls.ca: open none.pem: no such file", "name a PEM file"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "tls: {ca: profile_test.go}\n":            {"4:11: tls.ca: profile_test.go holds no certificate"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "tls: {insecure: true, server-name: a}\n": {"4:17: tls.insecure takes any certificate"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "tls: {insecure: maybe}\n":                {"4:17: tls.insecure is text; write true or false"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "timeout: 20\n":                           {"4:10: timeout is no length of time; write a number with its unit, such as 20s"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "timeout: -1s\n":                          {"4:10: timeout is no length of time"},
		"name: x\n" + bound + "start: {}\n":                                                 {"3:1: start has no command; write command: [PROGRAM", "3:1: nothing says where the relay will be; write ready:"},
		"name: x\n" + bound + "start:\n  command: relay\n":                                  {"4:12: start.command is text; write a list"},
		"name: x\n" + bound + "start:\n  command: [r, '{sinc}', '{sink}', '{port25}']\n  dir: nowhere\n": {
			"4:16: start.command[1]: nothing is filled in for {sinc}; did you mean sink?",
			"4:26: start.command[2]: there is no sink; write sink: {listen: 127.0.0.1:0}", "5:8: start.dir: nowhere is no folder",
		},
		"name: x\nports: {25: 'h:1'}\n" + bound + "start: {command: [r, '{port25}']}\n":      {"ports says already where that is; leave out {port25}"},
		"name: x\n" + bound + "start: {command: [r], ready: '(?P<port26>x)(?P<port25>y)'}\n": {"3:30: start.ready: a group is called port26; write port25, port465 or port587"},
		"name: x\n" + bound + "start: {command: [r], ready: '('}\n":                          {"3:30: start.ready: error parsing regexp", "write a regular expression of Go's"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "customers: []\n":                          {"4:12: customers is an empty list"},
		"name: x\nports: {25: 'h:1'}\n" + bound + `customers:
  - {id: a, licences: few, domains: [a.example], billing: owed, edition: free}
  - {id: a, licences: 1.5, domains: [A.example, b.example], users: [{address: x@c.example}, {address: x}], settings: [{}]}
  - licences: 1
    settings: [{senders: my-domain, addresses: [1.2.3.4/33, {range: x}]}]
`: {
			"5:23: customers[0].licences is another text than any", `5:59: customers[0].billing: "owed" is unknown`, `customers[0].edition: "free" is unknown`,
			"6:10: customer a stands already at line 5", "6:23: customers[1].licences is a number; write a whole number",
			"6:38: domain a.example stands already at line 5", "x@c.example is in no domain of the customer; write one of A.example, b.example",
			`"x" is no address`, "customers[1].settings[0].senders is missing",
			"7:5: customers[2].id is missing", "7:5: customers[2] has no domain", `"my-domain" is unknown; did you mean my-domains?`,
			`8:49: "1.2.3.4/33" is no range`, `"x" is no range`,
		},
		"name: x\nexec: {command: [d]}\ncontrol: {url: 'http://h:1'}\n": {"3:1: exec stands already at line 2, and one driver steers a relay"},
		"name: x\nexec: {}\n": {"2:1: exec has no command; write command: [PROGRAM"},
		"name: x\nexec: {command: [d, '{sinc}'], dir: nowhere}\n":             {"2:21: exec.command[1]: nothing is filled in for {sinc}; did you mean sink?", "2:37: exec.dir: nowhere is no folder"},
		"name: x\ncontrol: {}\n":                                              {"2:1: control.url is missing; write url: http://127.0.0.1:8025"},
		"name: x\ncontrol: {url: here}\n":                                     {`2:16: control.url: "here" is no address of a web server`},
		"name: x\ncontrol: {url: 'ftp://h:1'}\n":                              {"is no address of a web server"},
		"name: x\ncontrol: {url: 'http://u:p@h:1/?x'}\n":                      {"2:16: control.url has more than scheme, host, port and path"},
		"name: x\ncontrol: {url: 'http://{port25}', token: '{tokn}'}\n":       {"2:16: control.url: nothing is filled in for {port25}; write {control}", "2:42: control.token: nothing is filled in for {tokn}"},
		"name: x\ncontrol: {url: 'http://h:1', timeout: 3}\n":                 {"control.timeout is no length of time"},
		"name: x\ncontrol: {url: 'http://h:1'}\nroles: {sender: a@b}\n":       {"3:1: role not bound: recipients"},
		"name: x\ncontrol: {url: 'http://h:1'}\ncapabilities: [clock]\n":      {"clock is a verb, and nobody can steer a static target; leave it out: a driver says itself"},
		"name: x\nports: {25: 'h:1'}\n" + bound + "proxy: v3\n":               {`4:8: proxy: "v3" is unknown; did you mean v1?`},
		"name: x\n" + bound + "start: {command: [r, '{control}']}\n":          {"3:22: start.command[1]: {control} is for a relay that is steered"},
		"name: x\nexec: {command: [d]}\nstart: {command: [r, '{scratch}']}\n": {"3:1: nothing says where the relay will be"},
		"name: &a x\nports: {25: 'h:1'}\n" + bound + "version: *a\n":          {"1:7: name is an anchor, an alias or a tag, which a profile doesn't have"},
	} {
		_, err := Parse("target.yaml", []byte(text), environment)
		var faults Faults
		if !errors.As(err, &faults) {
			t.Errorf("%q: got %v, want Faults", text, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: no %q in\n%v", text, w, err)
			}
		}
		if !slices.IsSortedFunc(faults, func(a, b Fault) int { return a.Line*1000 + a.Column - b.Line*1000 - b.Column }) {
			t.Errorf("%q: faults aren't in order:\n%v", text, err)
		}
	}
}

func TestAFaultDoesNotShowASecret(t *testing.T) {
	_, err := Parse("target.yaml", []byte("name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], user: {address: 'no', password: [hush]}}\n"), environment)
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

func TestLoadSaysWhatIsWrongWithTheFile(t *testing.T) {
	for file, want := range map[string]string{
		filepath.Join(t.TempDir(), "absent.yaml"): "give the path of a profile",
		t.TempDir(): "load the profile",
	} {
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "a profile has at most 1048576") {
		t.Errorf("got %v", err)
	}
}

// samples are the profiles of the sample relays.
func samples(t testing.TB) []string {
	files, err := filepath.Glob("../../samples/*/target.yaml")
	steered, _ := filepath.Glob("../../samples/reference/[ces]*.yaml")
	if err != nil || len(files) < 2 || len(steered) < 3 {
		t.Fatalf("samples: %v, %v, %v", files, steered, err)
	}
	return append(files, steered...)
}

func TestSamplesAreProfiles(t *testing.T) {
	schema := compiledSchema(t)
	for _, file := range samples(t) {
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.HasPrefix(string(data), "# yaml-language-server: $schema=../../target/static/profile.schema.json\n") {
			t.Errorf("%s doesn't begin with its schema", file)
		}
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("profile.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validate(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchemaRefusesWhatParseRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for _, text := range []string{
		"nam: x\nports: {25: 'h:1'}\n" + bound,
		"name: x\n" + bound,
		"name: x\nports: {26: 'h:1'}\n" + bound,
		"name: x\nports: {25: 'h:1'}\n",
		"name: x\nports: {25: 'h:1'}\n" + bound + "capabilities: [clock]\n",
		"name: x\nports: {25: 'h:1'}\n" + bound + "sink: nun\n",
		"name: x\nports: {25: 'h:1'}\n" + bound + "timeout: 20\n",
		"name: x\n" + bound + "start: {}\n",
		"name: x\nports: {25: 'h:1'}\n" + bound + "customers: [{id: a, licences: few, domains: [a.example]}]\n",
		"name: x\nexec: {command: [d]}\ncontrol: {url: 'http://h:1'}\n",
		"name: x\nexec: {}\n",
		"name: x\ncontrol: {}\n",
		"name: x\nports: {25: 'h:1'}\n" + bound + "proxy: v3\n",
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], authenticate: true}\n",
		"name: x\nports: {25: 'h:1'}\nroles: {sender: a@b, recipients: [a@b], authenticate: true, user: {address: a@b, tokens: [t]}}\n",
	} {
		if _, err := Parse("target.yaml", []byte(text), environment); err == nil {
			t.Errorf("Parse takes %q", text)
		}
		if err := validate(t, schema, []byte(text)); err == nil {
			t.Errorf("the schema takes %q", text)
		}
	}
}

// schemaNode is what the tests read of a schema.
type schemaNode struct {
	Ref        string                `json:"$ref"`
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
	OneOf      []schemaNode          `json:"oneOf"`
	Enum       []string              `json:"enum"`
	Defs       map[string]schemaNode `json:"$defs"`
}

func TestSchemaHasEveryKeyAndNoOther(t *testing.T) {
	var root schemaNode
	if err := json.Unmarshal([]byte(Schema()), &root); err != nil {
		t.Fatal(err)
	}
	compareKeys(t, root.Defs, "", root, reflect.TypeFor[Profile]())
	if diff := cmp.Diff(possible(), root.Properties["capabilities"].Items.Enum); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
}

// compareKeys walks a type and its schema side by side.
func compareKeys(t *testing.T, defs map[string]schemaNode, path string, n schemaNode, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if name, isRef := strings.CutPrefix(n.Ref, "#/$defs/"); isRef {
		n = defs[name]
	}
	if typ.Kind() == reflect.Slice && n.Items != nil {
		compareKeys(t, defs, path+"[]", *n.Items, typ.Elem())
		return
	}
	if typ.Kind() != reflect.Struct {
		return
	}
	for _, one := range n.OneOf {
		if one.Properties != nil {
			n = one
		}
	}
	names, fields := yamlfile.KeysOf(typ)
	for _, name := range names {
		inner, ok := n.Properties[name]
		if !ok {
			t.Errorf("the schema lacks %s.%s", path, name)
			continue
		}
		compareKeys(t, defs, path+"."+name, inner, typ.Field(fields[name]).Type)
	}
	for name := range n.Properties {
		if !slices.Contains(names, name) {
			t.Errorf("the schema has %s.%s, which no profile may say", path, name)
		}
	}
}

// FuzzProfile: whatever a file holds, it is a profile or Faults with places in it, and no panic.
func FuzzProfile(f *testing.F) {
	for _, file := range samples(f) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("name: x\nports: {25: 'h:1'}\n" + bound + "sink: none\ncustomers: [{id: a, licences: any, domains: [a.example], settings: [{senders: any, addresses: [10.0.0.0/8]}]}]\n"))
	f.Add([]byte("name: x\nproxy: v1\nexec: {command: [a, '{token}'], env: {A: '{port25}'}}\nstart: {command: [b, '{port25}', '{control}']}\n"))
	f.Add([]byte("name: x\ncontrol: {url: 'http://{control}', token: '{token}', timeout: 3s}\n"))
	f.Add([]byte("name: &a [*a]\nroles: {<<: {sender: ${X}}}\n? {a: b}\n: c\nstart: !!str {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("target.yaml", data, environment)
		if err == nil {
			if p.Name == "" || !p.steered() && (p.Roles.Sender == "" || len(p.Roles.Recipients) == 0) {
				t.Fatalf("a profile without a name or a role: %+v", p)
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("error %v isn't Faults", err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Text == "" || strings.Contains(fault.Text, "\n") && !strings.Contains(string(data), "\n") {
				t.Fatalf("fault %#v", fault)
			}
		}
	})
}
