package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/lint"
)

var updateLint = flag.Bool("lint.update", false, "write what lint says of the samples to their session.txt, to be read by a person")

// TestLintSaysOfTheSamplesWhatIsListed runs lint on real files, as the first line of each session has it.
func TestLintSaysOfTheSamplesWhatIsListed(t *testing.T) {
	root, err := filepath.Abs("features/lint/testdata")
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := filepath.Glob(filepath.Join(root, "*", "*", "session.txt"))
	if err != nil || len(sessions) == 0 {
		t.Fatal("no samples", err)
	}
	count := map[string]int{}
	for _, path := range sessions {
		folder, server := filepath.Dir(path), filepath.Base(filepath.Dir(filepath.Dir(path)))
		t.Run(server+"/"+filepath.Base(folder), func(t *testing.T) {
			t.Chdir(folder)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			command, _, _ := strings.Cut(string(text), "\n")
			words := strings.Fields(command)
			if len(words) < 4 || words[0] != "$" || words[1] != "relayspec" {
				t.Fatalf("%s begins with %q; write the command behind $", path, command)
			}
			got := program(words[2:]...)
			if got.code != 0 && !strings.Contains(folder, "documented") {
				count[server]++
			}
			said := fmt.Sprintf("%s\n%s%sexit %d\n", command, got.out, got.err, got.code)
			if *updateLint {
				if err := os.WriteFile(path, []byte(said), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), said); diff != "" && !*updateLint {
				t.Errorf("session (-want +got); -lint.update writes it anew:\n%s", diff)
			}
		})
	}
	for _, server := range lint.Servers() {
		if count[server] < 3 {
			t.Errorf("%s has %d samples that fail, want 3", server, count[server])
		}
	}
}

// program runs the program with args, outside of Ginkgo.
func program(args ...string) outcomeOf {
	var out, err bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &err)
	return outcomeOf{code, out.String(), err.String()}
}

// in gives a folder with these files, in which the program then runs.
func in(t *testing.T, files map[string]string) {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	goodMainCf = "myhostname = mail.corp.example\nrelayhost = smtp-relay.gmail.com:25\n"
	badMainCf  = "name = smtp-relay.google.com\nmyhostname = mail.corp.example\nrelayhost = $name:25\n"
	slowMainCf = goodMainCf + "smtp_connection_cache_on_demand = no\n"
)

func TestLintExitCodes(t *testing.T) {
	in(t, map[string]string{
		"good/main.cf": goodMainCf, "bad/main.cf": badMainCf, "slow/main.cf": slowMainCf, "qmail/control/smtproutes": ":smtp-relay.gmail.com:25\n",
		"cycle/main.cf": "a = $b\nb = $a\nrelayhost = $a\nmyhostname = m.corp.example\n", "garbage/main.cf": "\x00\x01\x02 not a configuration\n",
	})
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing that must be":  {[]string{"good/main.cf"}, 0, "0 must, 0 should"},
		"a must":                {[]string{"bad/main.cf"}, 1, "main.cf:3: must HOST-RELAY"},
		"a must, not told":      {[]string{"bad/main.cf", "--level", "must", "--json"}, 1, `"rule": "HOST-RELAY"`},
		"a should":              {[]string{"slow/main.cf"}, 0, "slow/main.cf:3: should DOS-CONN-REUSE"},
		"a should, strictly":    {[]string{"--strict", "slow/main.cf"}, 1, "slow/main.cf:3: should DOS-CONN-REUSE"},
		"a should, level must":  {[]string{"--strict", "--level", "must", "slow/main.cf"}, 1, "0 must, 0 should"},
		"two servers":           {[]string{"good/main.cf", "qmail"}, 0, "postfix (good/main.cf); qmail (qmail/control/smtproutes)"},
		"one is bad":            {[]string{"good/main.cf", "bad/main.cf", "--server", "postfix"}, 1, "bad/main.cf:3"},
		"TLS is required":       {[]string{"--require-tls", "good/main.cf"}, 1, "good/main.cf:2: must PORT-587-TLS"},
		"not its domain":        {[]string{"--allowed-senders", "any", "--domain", "other.example", "good/main.cf"}, 1, "good/main.cf:1: must EXTRA-IDENT"},
		"absent":                {[]string{"absent.cf"}, 2, "absent.cf"},
		"a cycle":               {[]string{"cycle/main.cf"}, 2, "cycle/main.cf:1"},
		"garbage":               {[]string{"garbage/main.cf"}, 2, "garbage/main.cf"},
		"unknown server":        {[]string{"--server", "postfx", "good/main.cf"}, 2, "postfix"},
		"unknown senders":       {[]string{"--allowed-senders", "all", "good/main.cf"}, 2, "--allowed-senders"},
		"two forms":             {[]string{"--json", "--sarif", "good/main.cf"}, 2, "--json"},
		"no file":               {nil, 2, "See relayspec lint --help"},
		"sarif":                 {[]string{"--sarif", "bad/main.cf"}, 1, `"ruleId": "HOST-RELAY"`},
		"JSON of what is wrong": {[]string{"--json", "--level", "should", "good/main.cf"}, 0, `"findings": []`},
	} {
		t.Run(name, func(t *testing.T) {
			got := program(append([]string{"lint"}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.out+got.err, c.says) {
				t.Errorf("exit %d, want %d, and %q in it:\n%s%s", got.code, c.code, c.says, got.out, got.err)
			}
			if c.code == 2 && got.out != "" {
				t.Errorf("a mistake is told on standard output: %s", got.out)
			}
		})
	}
}

func TestRecipesArePrintedWithAndWithoutCorrections(t *testing.T) {
	t.Chdir(t.TempDir())
	listed := program("recipe", "--list")
	for _, server := range lint.Servers() {
		if !strings.Contains(listed.out, server+" ") || listed.code != 0 {
			t.Errorf("%s isn't listed:\n%s", server, listed.out)
		}
		asDocumented, corrected := program("recipe", server, "--as-documented"), program("recipe", server, "--name", "out.corp.example", "--domain", "corp.example")
		if asDocumented.code != 0 || corrected.code != 0 || !strings.Contains(asDocumented.out, "smtp-relay.gmail.com") {
			t.Errorf("%s: exit %d and %d", server, asDocumented.code, corrected.code)
		}
		if strings.Contains(asDocumented.out, "587") || !strings.Contains(corrected.out, "587") || !strings.Contains(corrected.out, "out.corp.example") {
			t.Errorf("%s: port 587 and the name belong to what is put right, and only there:\n%s", server, corrected.out)
		}
		if strings.Contains(corrected.out, "{") && strings.Contains(corrected.out, "{name}") {
			t.Errorf("%s: a name isn't filled in:\n%s", server, corrected.out)
		}
		if got := program("recipe", server, "--json"); !strings.Contains(got.out, `"steps"`) || got.code != 0 {
			t.Errorf("%s as JSON: %s", server, got.out)
		}
	}
	for args, says := range map[string]string{"postfx": "did you mean postfix?", "exim": "no recipe", "": "relayspec recipe --list"} {
		words := append([]string{"recipe"}, strings.Fields(args)...)
		if got := program(words...); got.code != 2 || !strings.Contains(got.err, says) {
			t.Errorf("recipe %s: exit %d, %s", args, got.code, got.err)
		}
	}
}
