package real

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/island"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features/sender"
)

func TestMain(m *testing.M) {
	island.Land()
	os.Exit(m.Run())
}

// bound is how long a test on an island may take.
const bound = 2 * time.Minute

// ashore runs the test that calls it on an island of its own; it tells whether it is there already.
func ashore(t *testing.T, name string) bool {
	t.Helper()
	if island.Inside() {
		return true
	}
	if err := lacking(name); err != nil {
		lack(t, err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(context.Background(), bound+10*time.Second)
	defer cancel()
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	options := island.Options{Names: map[string]string{RelayName: RelayAddress}}
	c, err := island.Command(ctx, options, "-test.run="+pattern, "-test.v", "-test.timeout="+bound.String())
	if err != nil {
		lack(t, err)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &out, time.Second
	if err := c.Start(); err != nil {
		lack(t, fmt.Errorf("namespaces can't be made: %w", err))
	}
	if err := c.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()+" ") {
		t.Fatalf("%v\n%s", err, &out)
	}
	return false
}

// lacking says what keeps a real server from being started here.
func lacking(name string) error {
	if err := island.Lacking(); err != nil {
		return err
	}
	folder := os.Getenv("RELAYSPEC_RELAYS")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		folder = filepath.Join(cache, "relayspec", "relays")
	}
	if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
		return fmt.Errorf("%s isn't here: run .ci/relays/install %s", name, name)
	}
	for _, program := range []string{"jq", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// lack skips, or fails where CI says that everything is there. Sendmail and Exim are there only where .ci/full has run.
func lack(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("RELAYSPEC_REAL") != "" && !strings.Contains(err.Error(), "isn't here") {
		t.Fatal(err)
	}
	t.Skip(err)
}

func TestSenders(t *testing.T) {
	for _, name := range []string{"postfix", "sendmail", "exim"} {
		t.Run(name, func(t *testing.T) {
			if ashore(t, name) {
				relaysThenWaits(t, name)
			}
		})
	}
}

// relaysThenWaits: a real server delivers to the relay that the document names, keeps what is put off, and tries again.
func relaysThenWaits(t *testing.T, name string) {
	g := NewWithT(t)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	profile, err := Load(filepath.Join("..", "..", "senders", name, "sender.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	s, err := Open(ctx, profile)
	g.Expect(err).NotTo(HaveOccurred())
	t.Log(s.Describe())
	r, err := relay.Start(ctx, relay.Options{Listen: s.Places()[25]})
	g.Expect(err).NotTo(HaveOccurred())
	defer r.Close()
	server, err := s.Start(ctx, sender.Setup{RelayHost: RelayName, Host: "mail.corp.example", Domain: "corp.example", Clock: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(server.Stop(ctx)).To(Succeed()) }()

	defer func() {
		if t.Failed() {
			queue, err := server.Queue(ctx)
			t.Log("queued:", queue, err)
		}
	}()
	g.Expect(server.Submit(ctx, message("bob@example.net"))).To(Succeed())
	g.Eventually(func() int { return taken(r) }, "20s", "50ms").Should(Equal(1))
	g.Eventually(func() ([]sender.Queued, error) { return server.Queue(ctx) }, "10s", "100ms").Should(BeEmpty())

	g.Expect(r.SetScript(relay.Script{Rcpt: relay.Always("450 4.2.1 Peak SMTP relay limit exceeded for customer.")})).To(Succeed())
	g.Expect(server.Submit(ctx, message("r1@example.net", "r2@example.net"))).To(Succeed())
	g.Eventually(func() ([]sender.Queued, error) { return server.Queue(ctx) }, "20s", "100ms").Should(ConsistOf(
		And(HaveField("Recipient", "r1@example.net"), HaveField("Sender", "anna@corp.example"), HaveField("Reason", ContainSubstring("Peak"))),
		HaveField("Recipient", "r2@example.net")))
	g.Expect(r.SetScript(relay.Script{})).To(Succeed())
	g.Expect(server.Flush(ctx)).To(Succeed())
	g.Eventually(func() int { return taken(r) }, "30s", "50ms").Should(Equal(2))
	g.Eventually(func() ([]sender.Queued, error) { return server.Queue(ctx) }, "10s", "100ms").Should(BeEmpty())
}

func message(to ...string) mail.Submission {
	return mail.Submission{Sender: "anna@corp.example", Recipients: to, Content: []byte(
		"From: Anna <anna@corp.example>\r\nTo: undisclosed-recipients:;\r\nSubject: test\r\nDate: Mon, 06 Jan 2025 10:00:00 +0000\r\nMessage-ID: <1@ws1.corp.example>\r\n\r\nHello.\r\n")}
}

// taken counts the messages that the relay has accepted.
func taken(r *relay.Relay) int {
	n := 0
	for _, session := range r.Sessions() {
		for _, m := range session.Messages {
			if strings.HasPrefix(m.Reply, "2") {
				n++
			}
		}
	}
	return n
}
