package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/island"
)

// postfix is a Postfix with a configuration, a queue and data of its own, told to relay everything through ours.
type postfix struct {
	t   *testing.T
	dir string
}

// daemons are what Postfix needs to send: name, type, private, unprivileged, chroot, wake-up, limit, program.
const daemons = `postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
showq unix n - n - - showq
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
`

// settings are those of a Postfix that relays through the service as its documentation says: by TLS that it verifies, and
// authenticated. It tries again after seconds where others take minutes.
func settings(dir, authority, password string) map[string]string {
	return map[string]string{
		"compatibility_level": "2", "queue_directory": filepath.Join(dir, "queue"), "data_directory": filepath.Join(dir, "data"),
		"maillog_file": filepath.Join(dir, "log"), "maillog_file_prefixes": dir,
		"myhostname": "mail.vault.example", "mydestination": "", "inet_interfaces": "loopback-only",
		"relayhost": "[smtp-relay.gmail.com]:587", "smtp_host_lookup": "native", "smtp_dns_support_level": "disabled",
		"smtp_tls_security_level": "secure", "smtp_tls_secure_cert_match": "nexthop", "smtp_tls_CAfile": authority, "smtp_tls_loglevel": "1",
		"smtp_sasl_auth_enable": "yes", "smtp_sasl_security_options": "noanonymous", "smtp_sasl_tls_security_options": "noanonymous",
		"smtp_sasl_password_maps": "inline:{{smtp-relay.gmail.com = bella@vault.example:" + password + "}}",
		"minimal_backoff_time":    "1s", "maximal_backoff_time": "1s", "queue_run_delay": "1s",
	}
}

// startPostfix runs it until the test ends. Changes are settings that are otherwise.
func startPostfix(t *testing.T, authority, password string, changes map[string]string) *postfix {
	t.Helper()
	p := &postfix{t, filepath.Join(island.Ground(), "postfix")}
	for _, dir := range []string{"", "etc", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(filepath.Join(p.dir, "data"), id, -1); err != nil {
		t.Fatal(err)
	}
	all := settings(p.dir, authority, password)
	maps.Copy(all, changes)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s = %s\n", name, all[name])
	}
	write(t, filepath.Join(p.dir, "etc", "main.cf"), text.String())
	write(t, filepath.Join(p.dir, "etc", "master.cf"), daemons)
	p.run("", "postfix", "-c", p.etc(), "start")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.log())
		}
	})
	return p // it ends with the namespace
}

func (p *postfix) etc() string { return filepath.Join(p.dir, "etc") }

// run runs one of Postfix's commands.
func (p *postfix) run(input, program string, args ...string) string {
	p.t.Helper()
	path, err := programPath(program)
	if err != nil {
		p.t.Fatal(err)
	}
	c := exec.Command(path, args...)
	var out, wrong bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &wrong
	if err := c.Run(); err != nil {
		p.t.Fatalf("%s %v: %v\n%s%s", program, args, err, &wrong, p.log())
	}
	return out.String()
}

// log is what Postfix wrote so far.
func (p *postfix) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log")) // not there: nothing was written
	return string(text)
}

// sends hands a message to Postfix's sendmail.
func (p *postfix) sends(message string, to ...string) {
	p.t.Helper()
	p.run(message, "sendmail", append([]string{"-C", p.etc(), "-i", "-f", "bella@vault.example", "--"}, to...)...)
}

// queue lists what waits.
func (p *postfix) queue() string { return p.run("", "postqueue", "-c", p.etc(), "-j") }

// delivers waits until the relay has so many messages, and no more, and Postfix none. A queue that seems empty says nothing by
// itself: while a message goes from one of its directories to another it isn't listed.
func (p *postfix) delivers(g *WithT, relay *shipped, count int) {
	g.THelper()
	g.Eventually(relay.mailbox, queueTime, often).Should(HaveLen(count))
	g.Eventually(p.queue, queueTime, often).Should(BeEmpty())
	g.Expect(relay.mailbox()).To(HaveLen(count))
}

// usesPostfix is alone for a test with Postfix.
func usesPostfix(t *testing.T) bool {
	return alone(t, map[string]string{"postfix": "postfix libsasl2-modules", "sendmail": "postfix", "postqueue": "postfix"})
}

const (
	queueTime = 60 * time.Second // bounds how long Postfix may take for what is tried once or twice
	often     = 200 * time.Millisecond
)

// TestPostfix: a sending server of the document, as it is packaged, relays through ours.
func TestPostfix(t *testing.T) {
	t.Run("delivers with STARTTLS that it verifies and AUTH", testPostfixDelivers)
	t.Run("delivers with TLS from the start", testPostfixOn465)
	t.Run("keeps what the peak limit refuses and delivers it later", testPostfixDeferred)
	t.Run("keeps its mail where its password is wrong", testPostfixWrongPassword)
	t.Run("keeps its mail where the relay isn't who it should be", testPostfixUnverified)
}

func testPostfixDelivers(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	g, relay := NewWithT(t), ship(t)
	p := startPostfix(t, relay.authority(), "correct horse", nil)
	bodies := []string{
		"hello\n",
		".\n..\n.dots at the beginning\nQUIT\n",
		"Gr\u00fc\u00dfe, \xff: octets that are no ASCII\n",
		strings.Repeat(strings.Repeat("x", 76)+"\n", 1<<20/77), // 1 MiB
	}
	for i, body := range bodies {
		p.sends(fmt.Sprintf("Subject: message %d\n\n%s", i, body), "bob@example.net", fmt.Sprintf("eve%d@example.org", i))
	}
	p.delivers(g, relay, len(bodies))

	kept := relay.mailbox()
	g.Expect(kept).To(HaveEach(And(
		HaveField("Customer", "vault"), HaveField("User", "bella@vault.example"), HaveField("Sender", "bella@vault.example"))))
	for i, body := range bodies {
		to := []string{"bob@example.net", fmt.Sprintf("eve%d@example.org", i)}
		at := slices.IndexFunc(kept, func(m accepted) bool { return slices.Equal(m.Recipients, to) })
		g.Expect(at).NotTo(Equal(-1), "message %d in %v", i, kept)
		_, content, _ := strings.Cut(relay.content(kept[at].ID), "\r\n\r\n")
		g.Expect(content == strings.ReplaceAll(body, "\n", "\r\n")).To(BeTrue(), "message %d came as %.200q", i, content)
	}
	g.Expect(relay.events()).To(ContainElements("starttls STARTTLS 220", MatchRegexp(`^auth AUTH (PLAIN|LOGIN) 235$`), "mail MAIL FROM 250"))
	g.Expect(p.log()).To(ContainSubstring("Verified TLS connection established to smtp-relay.gmail.com[127.0.0.1]:587: TLSv1.3"))
	g.Expect(strings.Count(p.log(), "status=sent (250 2.0.0 OK")).To(Equal(2 * len(bodies)))
}

func testPostfixOn465(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	g, relay := NewWithT(t), ship(t)
	p := startPostfix(t, relay.authority(), "correct horse", map[string]string{
		"relayhost": "[smtp-relay.gmail.com]:465", "smtp_tls_wrappermode": "yes",
	})
	p.sends("Subject: wrapped\n\nhello\n", "bob@example.net")
	p.delivers(g, relay, 1)
	g.Expect(relay.mailbox()).To(ConsistOf(HaveField("User", "bella@vault.example")))
	g.Expect(relay.events()).NotTo(ContainElement(HavePrefix("starttls")))
	g.Expect(p.log()).To(ContainSubstring("Verified TLS connection established to smtp-relay.gmail.com[127.0.0.1]:465"))
}

// testPostfixDeferred: the window of the peak limit is the document's but for its length, which a test can wait for.
func testPostfixDeferred(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	const window = 10 * time.Second // both messages come within it, on a slow machine, too
	shipped, err := os.ReadFile(filepath.Join(rootDir, "reference", "services", "google-workspace.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const documented = "peak-window:           {value: 10m,"
	if !bytes.Contains(shipped, []byte(documented)) {
		t.Fatalf("the service has no %q", documented)
	}
	service := filepath.Join(island.Ground(), "service.yaml")
	write(t, service, strings.Replace(string(shipped), documented, "peak-window: {value: "+window.String()+",", 1))
	g, relay := NewWithT(t), ship(t, "--service", service)
	p := startPostfix(t, relay.authority(), "correct horse", map[string]string{
		"myhostname": "mail.pico.example", "smtp_sasl_auth_enable": "no", "smtp_tls_security_level": "may",
	})
	for i := range 2 { // pico has one licence: 9 recipients within the window
		var to []string
		for n := range 6 {
			to = append(to, fmt.Sprintf("r%d-%d@example.net", i, n))
		}
		p.run("Subject: peak\n\nhello\n", "sendmail", append([]string{"-C", p.etc(), "-i", "-f", "x@pico.example", "--"}, to...)...)
	}
	g.Eventually(p.log, queueTime, often).Should(MatchRegexp(`status=deferred .*450[- ]4\.2\.1  ?Peak SMTP relay limit exceeded for customer\.`))
	p.delivers(g, relay, 2)
	g.Expect(relay.events()).To(ContainElement("data DATA 450"))
	g.Expect(strings.Count(p.log(), "status=sent")).To(Equal(12))
	g.Expect(p.log()).NotTo(ContainSubstring("status=bounced"))
}

// testPostfixWrongPassword: to Postfix a refused password is for the postmaster to mend, so mail waits.
func testPostfixWrongPassword(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	g, relay := NewWithT(t), ship(t)
	p := startPostfix(t, relay.authority(), "wrong", nil)
	p.sends("Subject: kept\n\nhello\n", "bob@example.net")
	g.Eventually(p.log, queueTime, often).Should(MatchRegexp(`status=deferred .*535[- ]5\.7\.8 Username and Password not accepted`))
	g.Expect(relay.events()).To(ContainElement(MatchRegexp(`^auth AUTH (PLAIN|LOGIN) 535$`)))
	g.Expect(relay.mailbox()).To(BeEmpty())
	g.Eventually(p.queue, queueTime, often).Should(ContainSubstring("bob@example.net"))
}

func testPostfixUnverified(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	g, relay := NewWithT(t), ship(t)
	p := startPostfix(t, stranger(t), "correct horse", nil)
	p.sends("Subject: kept\n\nhello\n", "bob@example.net")
	g.Eventually(p.log, queueTime, often).Should(MatchRegexp(`status=deferred \(Server certificate not (trusted|verified)\)`))
	g.Eventually(p.queue, queueTime, often).Should(ContainSubstring("bob@example.net"))
	g.Expect(relay.mailbox()).To(BeEmpty())
	g.Expect(relay.events()).NotTo(ContainElement(HavePrefix("auth")), "no password for a stranger")
}
