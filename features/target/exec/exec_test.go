package exec_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/exec"
)

// shell is a driver written for sh.
func shell(script string) *exec.Driver {
	return &exec.Driver{Command: []string{"sh", "-c", script}, Timeout: 2 * time.Second}
}

// recording is a driver that keeps its request in a file and answers.
func recording(t *testing.T, answer string) (d *exec.Driver, request func() string) {
	file := filepath.Join(t.TempDir(), "request.json")
	d = shell(`cat >"$FILE"; printf '%s' "$ANSWER"`)
	d.Env = []string{"FILE=" + file, "ANSWER=" + answer}
	return d, func() string {
		said, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(said))
	}
}

func TestEachVerbIsOneRequestAndOneAnswer(t *testing.T) {
	ctx := t.Context()
	world := target.World{Customers: []target.Customer{{
		ID: "acme", Licences: 3, Domains: []string{"acme.example"}, Trial: true,
		Users:    []target.User{{Address: "a@acme.example", Password: "p", Tokens: []target.Token{{Value: "t"}}}},
		Settings: []target.Setting{{Senders: target.MyDomains, ByAddress: true, Addresses: []target.AddressEntry{{Range: "::1"}}}},
	}}}
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, want, answer string
		ask                func(*exec.Driver) (got any, err error)
		got                any
	}{
		{"describe", `{"verb":"describe"}`, `{"name":"r","verbs":["clock"],"capabilities":["size"],"ports":{"25":"h:1"}}`,
			func(d *exec.Driver) (any, error) { return d.Introduce(ctx) },
			target.Introduction{Name: "r", Verbs: []target.Capability{"clock"}, Capabilities: []target.Capability{"size"}, Ports: map[string]string{"25": "h:1"}}},
		{"world", `{"verb":"world","world":{"customers":[{"id":"acme","licences":3,"trial":true,"domains":["acme.example"],` +
			`"users":[{"address":"a@acme.example","password":"p","tokens":[{"value":"t"}]}],` +
			`"settings":[{"senders":"my-domains","by_address":true,"addresses":[{"range":"::1"}]}]}]}}`, "{}\n",
			func(d *exec.Driver) (any, error) { return nil, d.Apply(ctx, world) }, nil},
		{"reset", `{"verb":"reset","customer":"acme"}`, `{"done":true}`,
			func(d *exec.Driver) (any, error) { return nil, d.Reset(ctx, "acme") }, nil},
		{"usage", `{"verb":"usage","usage":{"customer":"acme","counter":"customer-day","amount":7}}`, "{}",
			func(d *exec.Driver) (any, error) {
				return nil, d.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "customer-day", Amount: 7})
			}, nil},
		{"now", `{"verb":"clock"}`, `{"now":"2026-11-24T12:00:00Z"}`, func(d *exec.Driver) (any, error) { return d.Now(ctx) }, noon},
		{"advance", `{"verb":"clock","advance":1.5}`, `{"now":"2026-11-24T12:00:00Z"}`,
			func(d *exec.Driver) (any, error) { return nil, d.Advance(ctx, 1500*time.Millisecond) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, request := recording(t, c.answer)
			got, err := c.ask(d)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, request()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.got, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever a program does in the place of an answer is an error with its cause, and soon.
func TestWhatIsNoAnswerIsAnErrorWithItsCause(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3":                                 "the target can't do that",
		"echo why >&2; echo because >&2; exit 1": "the driver failed at describe: exit status 1; it said last:\n  why\n  because",
		"exit 4":                                 "the driver failed at describe: exit status 4; it said nothing",
		":":                                      "the driver answers nothing to describe; print a JSON object, {} where",
		"echo done":                              `isn't the JSON object that it should be: invalid character 'd' looking for beginning of value: "done"`,
		"echo null":                              "isn't the JSON object that it should be: it is null",
		"echo '[]'":                              "isn't the JSON object that it should be: json: cannot unmarshal array",
		"echo '{}{}'":                            "isn't the JSON object that it should be: more stands behind it",
		`echo '{"verb":["world"]}'`:              `unknown field "verb"`,
		`echo '{"name":'`:                        "unexpected EOF",
		"yes '{'":                                "it answers with more than 1048576 octets, beginning with \"{ {",
		"echo soon >&2; sleep 60":                "the driver, asked for describe: no answer within 2s; it said last:\n  soon",
		"sleep 60 & sleep 60":                    "no answer within 2s",
		"trap '' TERM INT; sleep 60":             "no answer within 2s",
		"kill -9 $$":                             "the driver, asked for describe: signal: killed",
		"sleep 60 & echo '{}'":                   "it ended and left a process that holds its output open",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := shell(script).Introduce(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	if _, err := shell("exit 3").Now(t.Context()); !errors.Is(err, target.ErrUnsupported) {
		t.Errorf("got %v for exit status 3", err)
	}
	if _, err := shell("echo '{}'").Now(t.Context()); err == nil || !strings.Contains(err.Error(), `has no "now"`) {
		t.Errorf("got %v for a clock without its time", err)
	}
	absent := &exec.Driver{Command: []string{"./no-such-driver"}}
	if err := absent.Apply(t.Context(), target.World{}); err == nil || !strings.Contains(err.Error(), "start ./no-such-driver") {
		t.Errorf("got %v for a program that isn't there", err)
	}
}

func TestWhatADriverLeavesBehindIsEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child")
	d := shell(`sleep 60 >/dev/null 2>&1 & echo $! >"$FILE"; echo '{}'`)
	d.Env = []string{"FILE=" + file}
	if err := d.Apply(t.Context(), target.World{}); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(said)))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if !runs(child) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d goes on", child)
}

// runs tells whether a process goes on. One that has ended may be kept by whoever should ask how.
func runs(process int) bool {
	if syscall.Kill(process, 0) != nil {
		return false
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process), "stat"))
	return err != nil || !strings.Contains(string(status), ") Z ")
}
