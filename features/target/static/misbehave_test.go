package static_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// cast is the rest of a profile whose relay may be judged by the chapter about a relay service.
const cast = `
name: a relay
timeout: 300ms
roles: {sender: app@corp.example, recipients: ["*@example.net"]}
customers:
  - {id: corp, licences: any, domains: [corp.example], users: [{address: a@corp.example, password: a}, {address: b@corp.example, password: b}], settings: [{senders: my-domains, addresses: [127.0.0.1, "::1"]}]}
`

// profile writes and reads a profile.
func profile(text string) *static.Profile {
	GinkgoHelper()
	file := filepath.Join(GinkgoT().TempDir(), "target.yaml")
	Expect(os.WriteFile(file, []byte(text), 0o644)).To(Succeed())
	p, err := static.Load(file)
	Expect(err).NotTo(HaveOccurred())
	return p
}

// judge judges by a few cases, one at a time, and checks what holds of every run: it ends soon, there is a report, and it
// says that nothing could be told.
func judge(p *static.Profile, selection string) (*reports.Run, error) {
	GinkgoHelper()
	suite, err := features.Load()
	Expect(err).NotTo(HaveOccurred())
	chosen, err := features.ParseSelection(selection)
	Expect(err).NotTo(HaveOccurred())
	began := time.Now()
	run, err := features.Judge(context.Background(), features.Options{
		Suite: suite, Open: p.Opener(static.Options{}), Workers: -1, Select: chosen,
	})
	Expect(time.Since(began)).To(BeNumerically("<", time.Minute))
	Expect(run.Totals.Verdicts[reports.Fail]).To(BeZero())
	code := features.ExitInconclusive
	if errors.As(err, new(static.Faults)) {
		code = features.ExitMistaken
	}
	Expect(features.ExitCode(run)).To(Equal(code))
	var report bytes.Buffer
	Expect(reports.WriteText(&report, run, reports.TextOptions{})).To(Succeed())
	Expect(report.String()).To(HaveSuffix("Overall  inconclusive\n"))
	return run, err
}

// someCases are three cases that need no extension.
const someCases = "PORT-PLAIN/port-takes-mail/25 or DOS-CONN-REUSE"

func at25(address string) string { return "ports: {25: '" + address + "'}" + cast }

var _ = Describe("A target that can't be opened", func() {
	DescribeTable("makes the run inconclusive, and the cause is said",
		func(ports func() string, words string) {
			run, err := judge(profile(ports()), someCases)
			Expect(err).To(MatchError(ContainSubstring(words)))
			Expect(run.Trouble).To(ContainSubstring(words))
			Expect(run.NotRun).NotTo(BeEmpty())
		},
		Entry("refuses the connection", func() string {
			r := scripted(nil)
			r.die()
			return at25(r.address())
		}, "port 25, 127.0.0.1:"),
		Entry("refuses the connection, in words", func() string {
			r := scripted(nil)
			r.die()
			return at25(r.address())
		}, "nobody listens there: "),
		Entry("hangs without a greeting", func() string { return at25(silent()) },
			"the relay doesn't answer: awaiting the greeting: nothing within 300ms"),
		Entry("greets behind the deadline", func() string { return at25(late()) }, "the relay doesn't answer: awaiting the greeting"),
		Entry("closes at once", func() string { return at25(saying(closes)) }, "the relay closed the connection without a greeting"),
		Entry("closes behind the greeting", func() string {
			return at25(scripted(func(_ int, line string) string {
				if line != "" {
					return closes
				}
				return ""
			}).address())
		}, `the relay closed the connection: awaiting the reply to "EHLO client.example"`),
		Entry("greets with garbage", func() string { return at25(saying("\x01\x02 hello")) }, "the relay's answer is no SMTP"),
		Entry("greets like SSH", func() string { return at25(saying("SSH-2.0-x")) }, "the relay speaks SSH, not SMTP"),
		Entry("speaks HTTP", func() string {
			server := httptest.NewServer(http.NotFoundHandler())
			DeferCleanup(server.Close)
			return at25(server.Listener.Addr().String())
		}, "the relay speaks HTTP, not SMTP: awaiting the greeting"),
		Entry("speaks TLS where clear text was expected", func() string {
			listener := tls.NewListener(listening(), &tls.Config{Certificates: []tls.Certificate{certificate("relay.example")}})
			greetAll(listener)
			return at25(listener.Addr().String())
		}, "the relay speaks TLS from the start, not SMTP"),
		Entry("speaks HTTPS on port 465", func() string {
			server := httptest.NewTLSServer(http.NotFoundHandler())
			DeferCleanup(server.Close)
			return "ports: {465: '" + server.Listener.Addr().String() + "'}" + cast
		}, "the relay speaks HTTP, not SMTP"),
		Entry("speaks clear text where TLS was expected", func() string {
			return "ports: {465: '" + scripted(honestly).address() + "'}" + cast
		}, "the relay speaks clear text where TLS was expected"),
		Entry("turns everybody away", func() string { return at25(saying("421 too busy")) }, "the relay turns everybody away: it greets with 421 too busy"),
		Entry("refuses EHLO and HELO", func() string {
			return at25(scripted(func(_ int, line string) string {
				if line != "" {
					return "502 no"
				}
				return ""
			}).address())
		}, "the relay refuses EHLO client.example: 502 no; write a name that it accepts in roles.client"),
		Entry("announces STARTTLS and refuses it", func() string {
			return at25(scripted(func(_ int, line string) string {
				switch {
				case strings.HasPrefix(line, "EHLO"):
					return "250-relay.example\r\n250 STARTTLS"
				case line == "STARTTLS":
					return "454 not now"
				}
				return ""
			}).address())
		}, "the relay announces STARTTLS and refuses it: 454 not now"),
	)
})

func honestly(int, string) string { return "" }

// saying greets every session with a line, or closes.
func saying(greeting string) string {
	GinkgoHelper()
	return scripted(func(int, string) string { return greeting }).address()
}

// listening listens for the time of a spec.
func listening() net.Listener {
	GinkgoHelper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { listener.Close() })
	return listener
}

// silent is the address of a server that takes connections and never says a word.
func silent() string {
	GinkgoHelper()
	return scripted(func(int, string) string { return hangs }).address()
}

// late is the address of a server that greets when the deadline has passed.
func late() string {
	GinkgoHelper()
	return scripted(func(int, string) string {
		time.Sleep(900 * time.Millisecond) // it is what is tested
		return ""
	}).address()
}

// greetAll greets every connection of listener.
func greetAll(listener net.Listener) {
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go fmt.Fprint(conn, "220 hello\r\n")
		}
	}()
}

// certificate makes one that is signed by itself.
func certificate(names ...string) tls.Certificate {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// configOf is the TLS of a server with one certificate.
func configOf(own tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{own}}
}

// openings is how many sessions Open makes of a profile with one port.
const openings = 1

var _ = Describe("A target that misbehaves in mid-run", func() {
	DescribeTable("is never failed for it",
		func(misbehave func(r **relayScript) func(int, string) string, reason string) {
			var r *relayScript
			r = scripted(misbehave(&r))
			run, err := judge(profile(at25(r.address())), someCases)
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Cases).NotTo(BeEmpty())
			Expect(run.Cases[0].Verdict).To(Equal(reports.Error))
			Expect(run.Cases[0].Reason).To(ContainSubstring(reason))
			Expect(run.Cases[0].Transcript).NotTo(BeEmpty())
		},
		Entry("dies", func(r **relayScript) func(int, string) string {
			return func(session int, line string) string {
				if session > openings && line == "DATA" {
					(*r).die()
				}
				return ""
			}
		}, "nobody listens there"),
		Entry("answers with garbage", func(**relayScript) func(int, string) string {
			return func(_ int, line string) string {
				if strings.HasPrefix(line, "MAIL") {
					return "yes, please"
				}
				return ""
			}
		}, "the relay's answer is no SMTP"),
		Entry("stops answering", func(**relayScript) func(int, string) string {
			return func(_ int, line string) string {
				if strings.HasPrefix(line, "RCPT") {
					return hangs
				}
				return ""
			}
		}, "the relay doesn't answer"),
		Entry("says 421 to everybody", func(**relayScript) func(int, string) string {
			return func(session int, _ string) string {
				if session > openings {
					return "421 going down"
				}
				return ""
			}
		}, "the relay turns everybody away: it greets with 421 going down\nthe scenario wanted acceptance; got the message from <anna@acme.example> refused at connect: 421 going down"),
		Entry("says 421 to every EHLO", func(**relayScript) func(int, string) string {
			return func(session int, line string) string {
				if session > openings && strings.HasPrefix(line, "EHLO") {
					return "421 going down"
				}
				return ""
			}
		}, "the relay refuses EHLO client.example: 421 going down"),
		Entry("closes every session before MAIL", func(**relayScript) func(int, string) string {
			return func(session int, line string) string {
				if session > openings && strings.HasPrefix(line, "MAIL") {
					return closes
				}
				return ""
			}
		}, "the relay closed the connection"),
	)

	It("isn't asked on and on when it is gone", func() {
		var r *relayScript
		r = scripted(func(session int, line string) string {
			if session > openings && strings.HasPrefix(line, "MAIL") {
				r.die()
			}
			return ""
		})
		run, err := judge(profile(at25(r.address())), someCases)
		Expect(err).NotTo(HaveOccurred())
		Expect(run.Totals.Verdicts).To(HaveKeyWithValue(reports.Error, 1))
		Expect(run.NotRun).NotTo(BeEmpty())
		Expect(run.NotRun[0].Reason).To(ContainSubstring("the relay serves nobody any more: port 25, 127.0.0.1:"))
	})

	It("is failed for what it refuses while it serves", func() {
		r := scripted(func(_ int, line string) string {
			if strings.HasPrefix(line, "MAIL") {
				return "550 no"
			}
			return ""
		})
		suite, err := features.Load()
		Expect(err).NotTo(HaveOccurred())
		chosen, err := features.ParseSelection("PORT-PLAIN/port-takes-mail/25")
		Expect(err).NotTo(HaveOccurred())
		run, err := features.Judge(context.Background(), features.Options{
			Suite: suite, Open: profile(at25(r.address())).Opener(static.Options{}), Select: chosen,
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(run.Cases).To(HaveExactElements(HaveField("Verdict", reports.Fail)))
		Expect(run.Cases[0].Got).To(Equal("the message from <app@acme.example> refused at mail: 550 no"))
	})
})

// httpServer is the address of a web server for the time of a spec.
func httpServer(serve http.HandlerFunc) string {
	GinkgoHelper()
	server := httptest.NewServer(serve)
	DeferCleanup(server.Close)
	return server.URL
}

// unused is an address where nobody listens.
func unused() string {
	GinkgoHelper()
	listener := listening()
	Expect(listener.Close()).To(Succeed())
	return listener.Addr().String()
}
