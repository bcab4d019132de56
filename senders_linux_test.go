package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/island"
	"github.com/relayspec/relayspec/reference"
)

// shipped is relayspec serve in a process of its own, beside a sender that isn't ours.
type shipped struct {
	t   *testing.T
	dir string
	pid int
	err *stderr
}

// ship starts it with the sample world on the documented ports, in the directory "relay" of the ground.
func ship(t *testing.T, args ...string) *shipped {
	t.Helper()
	dir := filepath.Join(island.Ground(), "relay")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return shipTo(t, dir, append([]string{
		"--world", filepath.Join(rootDir, "world.yaml"), "--events", "events.jsonl",
		"--port25", "127.0.0.1:25", "--port465", "127.0.0.1:465", "--port587", "127.0.0.1:587",
	}, args...)...)
}

// shipTo starts it in a directory, until the test ends.
func shipTo(t *testing.T, dir string, args ...string) *shipped {
	t.Helper()
	s := &shipped{t: t, dir: dir, err: &stderr{}}
	c := s.command(append([]string{"serve"}, args...)...)
	c.Stderr = s.err
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	s.pid = c.Process.Pid
	NewWithT(t).Eventually(s.err.String, patience).Should(MatchRegexp(`(?m)^serving \d+ customers`))
	return s
}

// command is the program in the relay's directory.
func (s *shipped) command(args ...string) *exec.Cmd {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	c := exec.Command(program, args...)
	c.Dir, c.Env = s.dir, append(os.Environ(), asProgram+"=1")
	return c
}

// authority is the file that a sender must trust.
func (s *shipped) authority() string { return filepath.Join(s.dir, "tls", "ca.pem") }

// accepted is a message as relayspec mailbox lists it.
type accepted struct {
	ID         string
	Customer   string
	User       string
	Sender     string
	Recipients []string
}

// mailbox lists what was accepted, the newest first.
func (s *shipped) mailbox() []accepted {
	s.t.Helper()
	out, err := s.command("mailbox", "list", "--json").Output()
	if err != nil {
		s.t.Fatalf("relayspec mailbox list: %v", err)
	}
	return jsonLines[accepted](s.t, out)
}

// content is a message as it was accepted.
func (s *shipped) content(id string) string {
	s.t.Helper()
	out, err := s.command("mailbox", "show", "--raw", id).Output()
	if err != nil {
		s.t.Fatalf("relayspec mailbox show: %v", err)
	}
	return string(out)
}

// events gives each reply of the relay so far: its stage, what it answers, its code.
func (s *shipped) events() []string {
	s.t.Helper()
	log, err := os.ReadFile(filepath.Join(s.dir, "events.jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, e := range jsonLines[struct {
		Stage, Command string
		Code           json.Number
	}](s.t, log) {
		verb, _, _ := strings.Cut(e.Command, ":")
		all = append(all, e.Stage+" "+verb+" "+e.Code.String())
	}
	return all
}

func jsonLines[T any](t *testing.T, text []byte) (all []T) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	for decoder.More() {
		var one T
		if err := decoder.Decode(&one); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, one)
	}
	return all
}

// swaksCase is a call of swaks and what is to come of it.
type swaksCase struct {
	name     string
	args     string // divided at blanks; CA is the relay's own authority, STRANGER another one, PASSWORD bella's
	exit     int
	says     string   // a pattern of what swaks shows
	customer string   // of the message that is kept; empty: none is
	user     string   // that AUTH proved
	events   []string // among those of the relay
}

const asBella = " --ehlo mail.vault.example --from bella@vault.example --to bob@example.net --auth-user bella@vault.example"

func swaksCases() []swaksCase {
	const verified = "--port 587 --tls --tls-verify --tls-ca-path CA "
	return []swaksCase{
		{"STARTTLS, verified, and AUTH PLAIN", verified + "--auth PLAIN --auth-password PASSWORD" + asBella,
			0, `TLS peer.*CN=smtp-relay\.gmail\.com`,
			"vault", "bella@vault.example", []string{"starttls STARTTLS 220", "auth AUTH PLAIN 235"}},
		{"STARTTLS, verified, and AUTH LOGIN", verified + "--auth LOGIN --auth-password PASSWORD" + asBella,
			0, `235 2\.7\.0 Accepted`,
			"vault", "bella@vault.example", []string{"starttls STARTTLS 220", "auth AUTH LOGIN 235"}},
		{"TLS from the start on port 465",
			"--port 465 --tls-on-connect --tls-verify --tls-ca-path CA --auth PLAIN --auth-password PASSWORD" + asBella,
			0, `TLS started with cipher TLSv1\.3`, "vault", "bella@vault.example", []string{"auth AUTH PLAIN 235"}},
		{"an authority that isn't the relay's",
			"--port 587 --tls --tls-verify --tls-ca-path STRANGER --auth PLAIN --auth-password PASSWORD" + asBella,
			29, `TLS startup failed`, "", "", []string{"starttls STARTTLS 220"}},
		{"a wrong password", verified + "--auth PLAIN --auth-password wrong" + asBella,
			28, `535-5\.7\.8 Username and Password not accepted`, "", "", []string{"auth AUTH PLAIN 535"}},
		{"AUTH in the clear", "--port 587 --auth PLAIN --auth-password PASSWORD" + asBella,
			28, `Host did not advertise authentication`, "", "", nil},
		{"the whole envelope pipelined",
			"--port 25 --pipeline --ehlo mail.acme.example --from anna@acme.example --to bob@example.net,eve@example.org",
			0, `(?s)-> MAIL FROM:\S+\n -> RCPT TO:\S+\n -> RCPT TO:\S+\n -> DATA\n<-  250`,
			"acme", "", []string{"data DATA 354", "accept  250"}},
		{"pipelined within TLS",
			"--port 465 --tls-on-connect --pipeline --ehlo mail.tls.example --from x@tls.example --to bob@example.net",
			0, `(?s)~> MAIL FROM:\S+\n ~> RCPT TO:\S+\n ~> DATA\n<~  250`, "tls", "", nil},
		{"a sender that is nobody's", "--port 25 --ehlo mail.acme.example --from x@nobody.example --to bob@example.net",
			23, `<\*\* 550`, "", "", []string{"mail MAIL FROM 550"}},
		{"more recipients than the peak limit has", "--port 25 --ehlo mail.pico.example --from x@pico.example --to " +
			strings.Repeat("bob@example.net,", 9) + "eve@example.org",
			25, `<\*\* 450[- ]4\.2\.1  ?Peak SMTP relay limit exceeded for customer\.`, "", "", []string{"data DATA 450"}},
	}
}

// TestSwaks: a sender of others' making, as people try relays by hand.
func TestSwaks(t *testing.T) {
	for _, tt := range swaksCases() {
		t.Run(tt.name, func(t *testing.T) {
			if alone(t, map[string]string{"swaks": "swaks libnet-ssleay-perl"}) {
				tt.run(t)
			}
		})
	}
}

func (tt *swaksCase) run(t *testing.T) {
	relay := ship(t)
	args := append(strings.Fields(tt.args), "--server", "smtp-relay.gmail.com", "--timeout", "20")
	for i := range args {
		switch args[i] {
		case "CA":
			args[i] = relay.authority()
		case "STRANGER":
			args[i] = stranger(t)
		case "PASSWORD":
			args[i] = "correct horse"
		}
	}
	out, err := exec.Command("swaks", args...).CombinedOutput()
	g := NewWithT(t)
	g.Expect(exitOf(err)).To(Equal(tt.exit), "%s", out)
	g.Expect(string(out)).To(MatchRegexp(tt.says))
	if tt.customer == "" {
		g.Expect(relay.mailbox()).To(BeEmpty())
	} else {
		g.Expect(relay.mailbox()).To(ConsistOf(And(HaveField("Customer", tt.customer), HaveField("User", tt.user))))
		g.Expect(relay.content(relay.mailbox()[0].ID)).To(ContainSubstring("This is a test mailing"))
	}
	if tt.events != nil {
		g.Expect(relay.events()).To(ContainElements(tt.events))
	}
}

// stranger makes an authority that has nothing to do with the relay.
func stranger(t *testing.T) string {
	t.Helper()
	other, err := reference.SelfMade(filepath.Join(island.Ground(), "stranger"), "smtp-relay.gmail.com")
	if err != nil {
		t.Fatal(err)
	}
	return other.File
}

// exitOf is the exit code of a program that ran; -1: it didn't.
func exitOf(err error) int {
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode()
	}
	return -1
}
