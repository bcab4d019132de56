package reference_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// pico has one licence: 9 recipients in 10 minutes.
const (
	pico     = "x@pico.example"
	picoPeak = 9
)

var _ = Describe("A limit", func() {
	It("gives the last place to one of two sessions, and to the other when the first lets go", func() {
		r := start(setup{})
		a, b := r.session(), r.session()
		Expect(sends(a, pico, picoPeak-1)).To(haveCode(250))

		says(a, envelope(pico, 1)...)
		says(b, envelope(pico, 1)...)
		Expect(says(a, "DATA")).To(haveCode(354), "the last place is held")
		Expect(says(b, "DATA")).To(beginWith("450 4.2.1 Peak SMTP relay limit exceeded for customer."))
		Expect(a.Drop()).To(Succeed())
		Eventually(r.Sessions, patience).Should(Equal(1))

		Expect(sends(b, pico, 1)).To(haveCode(250), "what was dropped uses nothing")
		Expect(sends(b, pico, 1)).To(haveCode(450))
		Expect(r.kept()).To(HaveLen(2))
	})

	It("lets 64 sessions at once have exactly what there is", func() {
		const sessions, places = 64, 40
		r := start(setup{service: func(s *policy.Service) { s.Limits.PeakPerLicence = places }})
		replies := make([]client.Reply, sessions)
		errs := make([]error, sessions)
		var together, done sync.WaitGroup
		together.Add(sessions)
		for i := range sessions {
			done.Go(func() {
				c, err := r.dial("")
				together.Done()
				if err != nil {
					errs[i] = err
					return
				}
				defer c.Close()
				together.Wait()
				if _, err = c.Hello("mail.pico.example"); err == nil {
					var out client.Outcome
					out, err = c.Send(message(pico, 1), client.Pipelined)
					replies[i] = out.Reply
				}
				errs[i] = err
			})
		}
		done.Wait()
		Expect(errors.Join(errs...)).NotTo(HaveOccurred())
		counts := map[int]int{}
		for _, reply := range replies {
			counts[reply.Code]++
		}
		Expect(counts).To(Equal(map[int]int{250: places, 450: sessions - places}))
		Expect(r.kept()).To(HaveLen(places))
	})

	DescribeTable("isn't touched by what wasn't accepted",
		func(spoil func(c *client.Conn)) {
			r := start(setup{service: func(s *policy.Service) { s.Limits.MessageSize = 10_000 }})
			for range 2 {
				spoil(r.session())
			}
			c := r.session()
			Eventually(func() int { return sends(c, pico, picoPeak).Code }, patience).Should(Equal(250))
			Expect(r.kept()).To(HaveLen(1))
		},
		Entry("reset before DATA", func(c *client.Conn) {
			says(c, append(envelope(pico, picoPeak), "RSET")...)
		}),
		Entry("a new EHLO instead of DATA", func(c *client.Conn) {
			says(c, append(envelope(pico, picoPeak), "EHLO mail.pico.example")...)
		}),
		Entry("dropped after RCPT", func(c *client.Conn) {
			says(c, envelope(pico, picoPeak)...)
			c.Drop()
		}),
		Entry("dropped in the message", func(c *client.Conn) {
			Expect(says(c, append(envelope(pico, picoPeak), "DATA")...)).To(haveCode(354))
			c.WriteLine("Subject: half")
			c.Drop()
		}),
		Entry("malformed", func(c *client.Conn) {
			Expect(says(c, append(envelope(pico, picoPeak), "DATA", "bare \n LF\r\n.")...)).To(haveCode(554))
		}),
		Entry("too big", func(c *client.Conn) {
			Expect(says(c, append(envelope(pico, picoPeak), "DATA", strings.Repeat("0123456789\r\n", 1000)+".")...)).To(haveCode(552))
		}),
		Entry("refused by the limit itself", func(c *client.Conn) {
			Expect(says(c, append(envelope(pico, picoPeak+1), "DATA")...)).To(haveCode(450))
		}),
	)

	It("is charged for what was held and not accepted where the service says so", func() {
		r := start(setup{switches: map[string]string{"unfinished": "charged"}})
		c := r.session()
		says(c, append(envelope(pico, picoPeak), "RSET")...)
		Expect(says(c, append(envelope(pico, picoPeak+1), "DATA")...)).To(haveCode(450), "nothing was held before DATA; this is too much")
		Expect(says(c, append(envelope(pico, picoPeak-1), "DATA")...)).To(haveCode(354))
		Expect(says(c, "bare \n LF\r\n.")).To(haveCode(554))
		Expect(sends(c, pico, 1)).To(haveCode(250))
		Expect(sends(c, pico, 1)).To(haveCode(450))
	})

	Context("that speaks at RCPT", func() {
		atRcpt := setup{switches: map[string]string{"limit-stage": "rcpt"}}

		It("refuses the recipient that is too many and keeps the places of those before it", func() {
			r := start(atRcpt)
			a, b := r.session(), r.session()
			Expect(says(a, envelope(pico, picoPeak)...)).To(haveCode(250))
			Expect(says(a, "RCPT TO:<more@example.net>")).To(beginWith("450 4.2.1 Peak"))
			Expect(says(b, envelope(pico, 1)...)).To(haveCode(450), "a holds all nine")
			Expect(says(a, "DATA", "Subject: x\r\n\r\nhello\r\n.")).To(haveCode(250))
			Expect(r.kept()[0].Recipients).To(HaveLen(picoPeak))
			Expect(r.kept()[0].Customer).To(Equal("pico"))
		})

		It("never takes back at DATA what it gave at RCPT", func() {
			const sessions, each, places = 24, 3, 30
			s := atRcpt
			s.service = func(s *policy.Service) { s.Limits.PeakPerLicence = places }
			r := start(s)
			var accepted, unkept atomic.Int64
			errs := make([]error, sessions)
			var done sync.WaitGroup
			for i := range sessions {
				done.Go(func() {
					c, err := r.dial("")
					if err != nil {
						errs[i] = err
						return
					}
					defer c.Close()
					c.Hello("mail.pico.example")
					out, err := c.Send(message(pico, each), client.Lockstep)
					errs[i] = err
					given := each - out.Refused()
					if len(out.Recipients) < each || given == 0 {
						return
					}
					if out.Accepted {
						accepted.Add(int64(given))
					} else {
						unkept.Add(1)
					}
				})
			}
			done.Wait()
			Expect(errors.Join(errs...)).NotTo(HaveOccurred())
			Expect(unkept.Load()).To(BeZero(), "recipients were accepted and DATA was refused")
			Expect(accepted.Load()).To(BeNumerically("==", places))
		})
	})

	It("that speaks after the final dot lets 354 pass and refuses then", func() {
		r := start(setup{switches: map[string]string{"limit-stage": "accept"}})
		c := r.session()
		Expect(says(c, append(envelope(pico, picoPeak+1), "DATA")...)).To(haveCode(354))
		Expect(says(c, "Subject: x\r\n\r\nhello\r\n.")).To(beginWith("450 4.2.1 Peak"))
		Expect(r.kept()).To(BeEmpty())
		Expect(sends(c, pico, picoPeak)).To(haveCode(250))
		Expect(r.kept()[0].Customer).To(Equal("pico"))
		Expect(sends(c, pico, 1)).To(haveCode(450))
	})

	It("closes the connection where the service says so", func() {
		r := start(setup{switches: map[string]string{"limit-refusal": "closes"}})
		c := r.session()
		Expect(says(c, append(envelope(pico, picoPeak+1), "DATA")...)).To(haveCode(450))
		_, err := c.ReadReply()
		Expect(client.Ended(err)).To(BeTrue(), "%v", err)
	})

	It("counts for the sender as given, never for postmaster@", func() {
		l := ledger.New(ledger.Options{})
		r := start(setup{options: func(o *reference.Options) { o.Ledger = l }})
		c := r.session()
		says(c, "EHLO news.open.example")
		Expect(sends(c, "x@elsewhere.example", 2)).To(haveCode(250))
		day := policy.Window{Length: 24 * time.Hour}
		Expect(l.Used(time.Now(), "open", policy.CustomerDay, "", day)).To(Equal(2))
		Expect(l.Used(time.Now(), "open", policy.UserMessages, "postmaster@open.example", day)).To(BeZero())
	})
})

var _ = Describe("A keeper that fails", func() {
	var dir string
	var r *running
	BeforeEach(func() {
		dir = GinkgoT().TempDir()
		r = start(setup{options: func(o *reference.Options) {
			box, err := mailbox.Open(dir)
			Expect(err).NotTo(HaveOccurred())
			o.Keeper = box
		}})
	})
	refusesThenMends := func(spoil func(), mend func()) {
		c := r.session()
		says(c, envelope(pico, picoPeak)...)
		Expect(says(c, "DATA")).To(haveCode(354))
		spoil()
		Expect(says(c, "Subject: x\r\n\r\nhello\r\n.")).To(beginWith("451 4.3.0 Mail server temporarily rejected message."))
		Expect(r.causes()).To(ContainElement(ContainSubstring("see to the mail directory and its disk")))
		mend()
		Expect(sends(c, pico, picoPeak)).To(haveCode(250), "nothing was charged, and the session goes on")
		Expect(filepath.Glob(filepath.Join(dir, "tmp", "*"))).To(BeEmpty())
		Expect(filepath.Glob(filepath.Join(dir, "new", "*.eml"))).To(HaveLen(1))
	}

	It("defers a message that can't be begun, and charges nothing", func() {
		tmp := filepath.Join(dir, "tmp")
		refusesThenMends(
			func() { Expect(os.RemoveAll(tmp)).To(Succeed()) },
			func() { Expect(os.Mkdir(tmp, 0o700)).To(Succeed()) })
	})

	It("defers a message that can't be kept, and charges nothing", func() {
		kept := filepath.Join(dir, "new")
		refusesThenMends(
			func() { Expect(os.RemoveAll(kept)).To(Succeed()) },
			func() { Expect(os.Mkdir(kept, 0o700)).To(Succeed()) })
	})
})

// panicking is a Decider that panics at one stage for one sender.
type panicking struct {
	reference.Decider
	stage policy.Stage
}

func (p panicking) Decide(stage policy.Stage, f *policy.Facts) policy.Decision {
	if stage == p.stage && f.Sender.Local == "panic" {
		panic("out of order")
	}
	return p.Decider.Decide(stage, f)
}

var _ = Describe("A panic", func() {
	DescribeTable("is answered, told, and harms nobody else",
		func(stage policy.Stage) {
			r := start(setup{options: func(o *reference.Options) {
				o.Decider = func(d reference.Decider) reference.Decider { return panicking{d, stage} }
			}})
			other, c := r.session(), r.session()
			says(other, envelope(pico, picoPeak)...)

			reply, err := client.Reply{}, error(nil)
			for _, line := range append(envelope("panic@pico.example", picoPeak), "DATA", "Subject: x\r\n\r\nhello\r\n.") {
				if reply, err = c.Cmd(line); err != nil || reply.Code >= 400 {
					break
				}
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(reply).To(beginWith("451 4.3.0 "))
			_, err = c.ReadReply()
			Expect(client.Ended(err)).To(BeTrue(), "%v", err)
			Expect(r.causes()).To(ContainElement(HavePrefix("panic: out of order")))

			Expect(says(other, "DATA", "Subject: x\r\n\r\nhello\r\n.")).To(haveCode(250), "what the broken session held was given back")
			Expect(r.kept()).To(HaveLen(1))
		},
		Entry(nil, policy.Mail), Entry(nil, policy.Rcpt), Entry(nil, policy.Data), Entry(nil, policy.Accept),
	)
})

var _ = Describe("A HELO name of one label", func() {
	It("is refused once the peer's bucket is empty; each peer has its own, and time fills it", func() {
		now := atomic.Int64{}
		begin := time.Now()
		r := start(setup{
			service: func(s *policy.Service) { s.Limits.SingleLabelBurst, s.Limits.SingleLabelRefill = 3, time.Minute },
			options: func(o *reference.Options) {
				o.Now = func() time.Time { return begin.Add(time.Duration(now.Load())) }
			},
		})
		hello := func(source string) client.Reply {
			GinkgoHelper()
			c, err := r.dial(source)
			Expect(err).NotTo(HaveOccurred())
			defer c.Close()
			return says(c, "EHLO printer")
		}
		for range 3 {
			Expect(hello("127.0.0.1")).To(haveCode(250))
		}
		Expect(hello("127.0.0.1")).To(beginWith("421 4.7.0 Try again later, closing connection. (EHLO)"))
		Expect(hello("127.0.0.2")).To(haveCode(250))
		Expect(says(r.session(), "EHLO mail.acme.example")).To(haveCode(250), "a name in full needs no bucket")

		now.Store(int64(time.Minute - time.Second))
		Expect(hello("127.0.0.1")).To(haveCode(421))
		now.Store(int64(time.Minute))
		Expect(hello("127.0.0.1")).To(haveCode(250))
		Expect(hello("127.0.0.1")).To(haveCode(421))
	})
})

var _ = Describe("Accepted", func() {
	It("is told before the 250, once for each message that was kept", func() {
		told := make(chan string, 10)
		r := start(setup{options: func(o *reference.Options) {
			o.Accepted = func(id string, e mailbox.Envelope) { told <- id + " " + e.Customer }
		}})
		c := r.session()
		Expect(sends(c, pico, picoPeak)).To(haveCode(250))
		Expect(told).To(Receive(Equal(r.kept()[0].ID + " pico")))
		Expect(sends(c, pico, 1)).To(haveCode(450))
		Expect(told).NotTo(Receive())
	})
})
