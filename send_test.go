package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta"
	mtasession "github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features"
)

// scripted is a relay on this machine that answers as script says.
func scripted(script relay.Script) *relay.Relay {
	GinkgoHelper()
	r, err := relay.Start(context.Background(), relay.Options{Script: script})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(r.Close)
	return r
}

// refusing is a relay's script that gives reply to bob.
func refusing(reply string) relay.Script {
	return relay.Script{Ext: []string{"PIPELINING", "SIZE 1000000"}, Rcpt: relay.Rules{relay.Refuse("bob@*", reply, 0)}}
}

var _ = Describe("relayspec send", func() {
	BeforeEach(func() {
		GinkgoT().Chdir(GinkgoT().TempDir())
	})

	It("sends as the server that is named, and says what came of it", func() {
		r := scripted(relay.Script{Ext: []string{"PIPELINING"}})
		got := relayspec("send", "--as", "sendmail", "--to", r.Address(), "--count", "3", "--size", "2000", "--transcript", "said.txt")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^sent as +Sendmail$`))
		Expect(got.out).To(ContainSubstring("3 delivered, 0 deferred, 0 bounced"))
		Expect(got.out).To(MatchRegexp(`(?m)^profile .* \d+ obs, .* \d+ assumed$`))
		Expect(r.Messages()).To(HaveLen(3))
		said, err := os.ReadFile("said.txt")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(said)).To(ContainSubstring("C: MAIL From:<alice@corp.example>"))
	})

	It("bounces what is refused, and exits with 1", func() {
		r := scripted(refusing("550 5.4.5 Daily SMTP relay limit exceeded for user."))
		got := relayspec("send", "--as", "qmail", "--to", r.Address(), "--count", "2", "--json")
		Expect(got.code).To(Equal(1))
		var found dispatch
		Expect(json.Unmarshal([]byte(got.out), &found)).To(Succeed())
		Expect(found.Bounced).To(Equal(2))
		Expect(found.BouncesDelivered).To(Equal(2))
		Expect(found.Refusals).To(HaveLen(1))
		Expect(found.Refusals[0].Code).To(Equal("550 5.4.5"))
		Expect(found.Refusals[0].Count).To(Equal(2))
	})

	It("keeps what is deferred in the queue folder, for the next run", func() {
		r := scripted(refusing("450 4.2.1 Peak SMTP relay limit exceeded for customer."))
		got := relayspec("send", "--as", "exim", "--to", r.Address(), "--queue", "queue", "--count", "4")
		Expect(got.code).To(Equal(1), got.err)
		Expect(got.out).To(ContainSubstring("0 delivered, 4 deferred"))
		Expect(got.out).To(MatchRegexp(`(?m)^next try +in (30m0s|29m5\ds)$`))
		Expect(r.Messages()).To(BeEmpty())

		Expect(r.SetScript(relay.Script{})).To(Succeed())
		got = relayspec("send", "--as", "exim", "--to", r.Address(), "--queue", "queue", "--count", "0")
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(r.Messages()).To(HaveLen(4))
		got = relayspec("send", "--as", "exim", "--to", r.Address(), "--queue", "queue", "--count", "0")
		Expect(got.code).To(Equal(0))
		Expect(r.Messages()).To(HaveLen(4))
	})

	It("goes on trying for as long as it is asked to", func() {
		r := scripted(relay.Script{Rcpt: relay.Rules{relay.Refuse("bob@*", "450 4.2.1 Peak", 1)}})
		Expect(os.WriteFile("mine.yaml", []byte(quickly()), 0o600)).To(Succeed())
		got := relayspec("send", "--profile", "mine.yaml", "--to", r.Address(), "--wait", "30s")
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(r.Messages()).To(HaveLen(1))
	})

	It("ends at once when it is interrupted, with what it has done so far", func() {
		r := scripted(relay.Script{Greeting: relay.Rules{{Match: "*", Reply: "220 later", Delay: relay.Duration(time.Hour)}}})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var out, errs bytes.Buffer
		ended := make(chan error, 1)
		go func() {
			ended <- command(ctx, []string{"send", "--as", "postfix", "--to", r.Address()}, &streams{strings.NewReader(""), &out, &errs})
		}()
		waiting, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		Expect(r.Await(waiting, func(all []relay.Session) bool { return len(all) == 1 })).To(Succeed())
		cancel()
		var err error
		Eventually(ended, "10s").Should(Receive(&err))
		var code *exit
		Expect(errors.As(err, &code)).To(BeTrue(), "%v", err)
		Expect(code.code).To(Equal(features.ExitInterrupted))
		Expect(out.String()).To(ContainSubstring("0 delivered, 1 deferred"))
	})

	It("writes no password into a transcript", func() {
		r := scripted(relay.Script{Ext: []string{"STARTTLS", "AUTH PLAIN LOGIN"}, AuthAfterTLS: true, Certificate: "trusted"})
		Expect(os.WriteFile("secret", []byte("correct horse\n"), 0o600)).To(Succeed())
		Expect(os.WriteFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Authority().Certificate().Raw}), 0o600)).To(Succeed())
		got := relayspec("send", "--as", "postfix", "--to", r.Address(), "--user", "anna", "--password-file", "secret",
			"--ca", "ca.pem", "--transcript", "said.txt")
		Expect(got.code).To(Equal(0), got.out+got.err)
		said, err := os.ReadFile("said.txt")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(said)).To(ContainSubstring("AUTH PLAIN [redacted]"))
		Expect(string(said)).NotTo(ContainSubstring("AGFubmEAY29ycmVjdCBob3JzZQ"))
	})

	It("is the server whose configuration it is given", func() {
		r := scripted(relay.Script{})
		Expect(os.WriteFile("main.cf", []byte("relayhost = smtp-relay.gmail.com:25\nmyhostname = gw.corp.example\n"), 0o600)).To(Succeed())
		got := relayspec("send", "--config", "main.cf", "--to", r.Address())
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^sent as +Postfix$`))
		Expect(r.Sessions()).To(HaveLen(1))
		Expect(r.Sessions()[0].Steps).To(ContainElement(HaveField("Text", "EHLO gw.corp.example")))

		got = relayspec("send", "--config", "main.cf", "--to", r.Address(), "--host", "other.corp.example")
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(r.Sessions()[1].Steps).To(ContainElement(HaveField("Text", "EHLO other.corp.example")))
	})

	It("encrypts as it is told to, whatever is configured", func() {
		r := scripted(relay.Script{Ext: []string{"STARTTLS"}})
		Expect(os.WriteFile("main.cf", []byte("relayhost = smtp-relay.gmail.com:25\nsmtp_tls_security_level = may\n"), 0o600)).To(Succeed())
		for _, tls := range []string{"none", "opportunistic"} {
			got := relayspec("send", "--config", "main.cf", "--to", r.Address(), "--tls", tls)
			Expect(got.code).To(Equal(0), got.out+got.err)
		}
		Expect(r.Sessions()[0].Commands(false)).NotTo(ContainElement("STARTTLS"))
		Expect(r.Sessions()[1].Commands(false)).To(ContainElement("STARTTLS"))
	})

	DescribeTable("refuses a mistake with 2, and sends nothing",
		func(wrong string, args ...string) {
			r := scripted(relay.Script{})
			got := relayspec(append([]string{"send", "--to", r.Address()}, args...)...)
			Expect(got.code).To(Equal(2), got.out+got.err)
			Expect(got.err).To(ContainSubstring(wrong))
			Expect(r.Sessions()).To(BeEmpty())
		},
		Entry("no server", "Give --as and one of domino,"),
		Entry("an unknown server", "did you mean postfix?", "--as", "postfx"),
		Entry("two servers", "Give one of them", "--as", "postfix", "--profile", "x.yaml"),
		Entry("no such profile", "x.yaml", "--profile", "x.yaml"),
		Entry("no such configuration", "none.cf", "--config", "none.cf"),
		Entry("no messages", "--count 0", "--as", "postfix", "--count", "0"),
		Entry("a user without a password", "go together", "--as", "postfix", "--user", "anna"),
		Entry("no such password", "--password-file", "--as", "postfix", "--user", "anna", "--password-file", "none"),
		Entry("no certificates", "--ca", "--as", "postfix", "--ca", "none.pem"),
		Entry("an address of two lines", "is no address", "--as", "postfix", "--from", "a@b\r\nRSET"),
		Entry("nobody to send to", "--rcpt names nobody", "--as", "postfix", "--rcpt", ""),
		Entry("a port that isn't one", "Write host:port", "--as", "postfix", "--to", "127.0.0.1:99999"),
		Entry("a transcript that can't be written", "--transcript", "--as", "postfix", "--transcript", "none/said.txt"),
		Entry("a queue that can't be made", "queue", "--as", "postfix", "--queue", filepath.Join("/dev/null", "queue")),
	)

	It("sends nothing beyond this machine, neither to the relay nor where a configuration leads", func() {
		got := relayspec("send", "--as", "postfix", "--to", "192.0.2.1:25")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(ContainSubstring("192.0.2.1 isn't on this machine"))
		_, err := (&send{}).dial(GinkgoT().Context(), "tcp", "192.0.2.1:25")
		Expect(err).To(MatchError(ContainSubstring("--i-own-this-target")))
	})
})

// quickly is Postfix's profile, retrying each second.
func quickly() string {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join(rootDir, "fakes", "mta", "profiles", "postfix.yaml"))
	Expect(err).NotTo(HaveOccurred())
	changed := strings.NewReplacer("queue_run: {value: 300s", "queue_run: {value: 1s", "  min: {value: 300s", "  min: {value: 1s").Replace(string(text))
	Expect(changed).NotTo(Equal(string(text)), "the profile says its times otherwise")
	return changed
}

var _ = Describe("What is told of a sending server", func() {
	It("is its progress, in one line that is written over", func() {
		var progress bytes.Buffer
		t := newTally(&progress, &mta.Profile{}, 1)
		Expect(t.progress).To(BeNil(), "no terminal")
		t.progress = &progress
		t.event(mta.Event{Recipient: "bob@example.net", Verdict: mtasession.Delivered, Reply: client.Reply{Code: 250, Lines: []string{"2.0.0 OK"}}})
		Expect(progress.String()).To(Equal("\r1/1 delivered bob@example.net 250 2.0.0 OK\x1b[K"))
	})

	It("is bounded, however many kinds of replies there are, and no reply is uncounted", func() {
		t := newTally(io.Discard, &mta.Profile{}, 1)
		for n := range 1000 {
			t.event(mta.Event{Verdict: mtasession.Deferred, Stage: client.Rcpt, Reply: client.Reply{Code: 400 + n%100, Lines: []string{"no"}}})
			t.trouble(errors.New("the disk is full"))
		}
		total := 0
		for _, c := range t.refusals {
			total += c.Count
		}
		Expect(len(t.refusals)).To(BeNumerically("<=", mostRefusals+1))
		Expect(total).To(Equal(1000))
		Expect(t.failed()).To(MatchError(ContainSubstring("and 995 more like these")))
	})
})

var _ = Describe("--config", func() {
	It("names one file, but for a sending server's", func() {
		GinkgoT().Chdir(GinkgoT().TempDir())
		got := relayspec("list", "--config", "a.yaml", "--config", "b.yaml")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(ContainSubstring("--config stands 2 times"))
	})
})
