package reference_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// The waits of a relay that is treated badly, short enough for a test.
const (
	shortWait = time.Second
	aWhile    = 20 * shortWait // past every wait, with room for a busy machine
)

func impatient() wire.Deadlines {
	return wire.Deadlines{Command: shortWait, Data: shortWait, Message: 2 * shortWait, Auth: shortWait, Handshake: shortWait, Write: shortWait}
}

// bystander is a client that behaves, in sessions of its own, while others don't.
type bystander struct {
	stop, done chan struct{}
	sent       int
	err        error
}

// watch sends messages, a session each, until the test looks.
func watch(r *running) *bystander {
	b := &bystander{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for b.err == nil {
			if b.err = oneMessage(r); b.err == nil {
				b.sent++
			}
			select {
			case <-b.stop:
				return
			default:
			}
		}
	}()
	return b
}

func oneMessage(r *running) error {
	c, err := r.dial("")
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Hello("mail.acme.example"); err != nil {
		return err
	}
	out, err := c.Send(message("anna@acme.example", 1), client.Lockstep)
	if err != nil {
		return err
	}
	if !out.Accepted {
		return fmt.Errorf("refused: %v", out.Reply)
	}
	_, err = c.Quit()
	return err
}

func (b *bystander) sawNoError() {
	GinkgoHelper()
	close(b.stop)
	<-b.done
	Expect(b.err).NotTo(HaveOccurred())
	Expect(b.sent).To(BeNumerically(">", 0))
}

// unlimited lets the bystander send as much as it likes, and keeps nothing of it.
func unlimited(o *reference.Options) {
	o.Service.Limits.PeakMax, o.Service.Limits.PeakPerLicence = -1, -1
	o.Service.Limits.DayMax, o.Service.Limits.DayPerLicence = -1, -1
	o.Service.Limits.UserMessages = -1
	o.Keeper = mailbox.Discard()
	o.Events = nil
}

var _ = Describe("A hostile client", func() {
	var r *running
	var good *bystander
	open := func(change func(o *reference.Options)) {
		GinkgoHelper()
		r = start(setup{options: func(o *reference.Options) {
			unlimited(o)
			change(o)
		}})
		good = watch(r)
	}
	hello := func() *plain {
		GinkgoHelper()
		p := connect(r.ports[policy.Port25])
		Expect(p.line()).To(HavePrefix("220 "))
		return p
	}
	say := func(p *plain, octets string) {
		GinkgoHelper()
		_, err := io.WriteString(p.conn, octets)
		Expect(err).NotTo(HaveOccurred())
	}
	// reads to the last line of a reply
	reply := func(p *plain) string {
		GinkgoHelper()
		first := p.line()
		for line := first; len(line) > 3 && line[3] == '-'; {
			line = p.line()
		}
		return first
	}

	DescribeTable("is answered, and the session goes on",
		func(octets, answer string) {
			open(func(*reference.Options) {})
			p := hello()
			say(p, octets)
			Expect(reply(p)).To(HavePrefix(answer))
			say(p, "NOOP\r\n")
			Expect(reply(p)).To(HavePrefix("250 2.0.0 OK"))
			good.sawNoError()
		},
		Entry("a line over the limit", strings.Repeat("x", 2000)+"\r\n", "500 5.5.2 Line too long."),
		Entry("a HELO over the limit", "EHLO "+strings.Repeat("x", 1500)+".example\r\n", "500 5.5.2 Line too long."),
		Entry("a NUL", "NO\x00OP\r\n", "555-5.5.2 Syntax error"),
		Entry("a bare LF", "NOOP\nRSET\r\n", "555-5.5.2 Syntax error"),
		Entry("a bare CR", "NO\rOP\r\n", "555-5.5.2 Syntax error"),
		Entry("octets that are no ASCII", "\xff\xfe\x80\r\n", "502 5.5.1 Unrecognized command."),
		Entry("an empty line", "\r\n", "502 5.5.1 Unrecognized command."),
		Entry("a command that isn't one", "GET / HTTP/1.1\r\n", "502 5.5.1 Unrecognized command."),
	)

	It("that sends a line without end is answered and closed", func() {
		open(func(*reference.Options) {})
		p := hello()
		say(p, strings.Repeat("x", 70<<10))
		Expect(p.line()).To(HavePrefix("500 5.5.2 Line too long."))
		Expect(p.line()).To(Equal("closed"))
		good.sawNoError()
	})

	It("that never says anything right is closed", func() {
		open(func(o *reference.Options) { o.MaxErrors = 5 })
		p := hello()
		say(p, strings.Repeat("HELLO?\r\n", 5))
		for range 4 {
			Expect(p.line()).To(HavePrefix("502 5.5.1 Unrecognized command."))
		}
		Expect(p.line()).To(HavePrefix("502 5.5.1 Too many unrecognized commands, goodbye."))
		Expect(p.line()).To(Equal("closed"))
		good.sawNoError()
	})

	DescribeTable("whose message isn't one loses it, not the session",
		func(body string) {
			open(func(*reference.Options) {})
			p := hello()
			for _, line := range append([]string{"EHLO mail.acme.example"}, append(envelope("anna@acme.example", 1), "DATA")...) {
				say(p, line+"\r\n")
				Expect(reply(p)).To(MatchRegexp(`^(2|354)`))
			}
			say(p, body+"\r\n.\r\n")
			Expect(p.line()).To(HavePrefix("554 5.6.0 Mail message is malformed."))
			say(p, "NOOP\r\n")
			Expect(p.line()).To(HavePrefix("250 2.0.0 OK"), "nothing of the message was taken for a command")
			good.sawNoError()
		},
		Entry("a NUL", "hello \x00"),
		Entry("a bare LF", "hello\nworld"),
		Entry("a bare CR", "hello\rworld"),
		Entry("LF.LF", "hello\n.\nQUIT"),
		Entry("LF.CRLF", "hello\n.\r\nQUIT"),
		Entry("CRLF.LF", "hello\r\n.\nQUIT"),
		Entry("CRLF.CR", "hello\r\n.\rQUIT"),
	)

	It("that never reads is closed when its window is full", func() {
		open(func(o *reference.Options) { o.Deadlines = impatient() })
		conn, err := net.Dial("tcp", r.ports[policy.Port25])
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		Expect(conn.(*net.TCPConn).SetReadBuffer(4 << 10)).To(Succeed())
		Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
		flood := []byte(strings.Repeat("NOOP\r\n", 10_000))
		for err == nil {
			_, err = conn.Write(flood)
		}
		Expect(errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)).To(BeTrue(), "%v", err)
		good.sawNoError()
	})

	It("that never writes is told and closed", func() {
		open(func(o *reference.Options) { o.Deadlines = impatient() })
		p := hello()
		Expect(p.line()).To(HavePrefix("451 4.4.2 Timeout - closing connection."))
		Expect(p.line()).To(Equal("closed"))
		good.sawNoError()
	})

	It("that never begins its TLS is closed", func() {
		open(func(o *reference.Options) { o.Deadlines = impatient() })
		p := connect(r.ports[policy.Port465])
		Expect(p.line()).To(Equal("closed"))
		p = hello()
		say(p, "EHLO mail.acme.example\r\n")
		reply(p)
		say(p, "STARTTLS\r\n")
		Expect(p.line()).To(HavePrefix("220 2.0.0"))
		Expect(p.line()).To(Equal("closed"))
		good.sawNoError()
	})

	// trickle sends an octet every twentieth of the wait, until the relay has had enough of it.
	trickle := func(p *plain, octets string) (sent int) {
		tick := time.NewTicker(shortWait / 20)
		defer tick.Stop()
		for end := time.After(aWhile); ; {
			select {
			case <-tick.C:
				if _, err := p.conn.Write([]byte{octets[sent%len(octets)]}); err != nil {
					return sent
				}
				sent++
			case <-end:
				return sent
			}
		}
	}

	It("that sends a command octet by octet has so long for all of it", func() {
		open(func(o *reference.Options) { o.Deadlines = impatient() })
		p := hello()
		sent := make(chan int, 1)
		begin := time.Now()
		go func() { sent <- trickle(p, "x") }()
		Expect(p.line()).To(HavePrefix("451 4.4.2 Timeout"))
		Expect(time.Since(begin)).To(BeNumerically("<", aWhile))
		Expect(p.line()).To(Equal("closed"))
		p.conn.Close()
		Expect(<-sent).To(BeNumerically(">", 1))
		good.sawNoError()
	})

	It("that sends a message octet by octet has so long for all of it", func() {
		open(func(o *reference.Options) {
			o.Deadlines = impatient()
			o.Deadlines.Command = patience
		})
		p := hello()
		for _, line := range append([]string{"EHLO mail.acme.example"}, append(envelope("anna@acme.example", 1), "DATA")...) {
			say(p, line+"\r\n")
			reply(p)
		}
		sent := make(chan int, 1)
		go func() { sent <- trickle(p, "Subject: x\r\n") }()
		Expect(p.line()).To(HavePrefix("451 4.4.2 Timeout"))
		Expect(p.line()).To(Equal("closed"))
		p.conn.Close()
		Expect(<-sent).To(BeNumerically(">", 12), "an octet in time isn't enough")
		good.sawNoError()
	})

	It("that drops in the message leaves nothing behind", func() {
		var box *mailbox.Box
		open(func(*reference.Options) {})
		good.sawNoError()
		box = mailbox.Memory(10)
		r = start(setup{options: func(o *reference.Options) { o.Keeper = box }})
		for range 5 {
			p := hello()
			for _, line := range append([]string{"EHLO mail.pico.example"}, append(envelope(pico, picoPeak), "DATA")...) {
				say(p, line+"\r\n")
				Expect(reply(p)).To(MatchRegexp(`^(2|354)`))
			}
			say(p, "Subject: half\r\n\r\n"+strings.Repeat("half a line ", 10_000))
			Expect(p.conn.Close()).To(Succeed())
			Eventually(r.Sessions, patience).Should(BeZero())
		}
		Expect(box.List(GinkgoT().Context(), mailbox.Filter{})).To(BeEmpty())
		Expect(sends(r.session(), pico, picoPeak)).To(haveCode(250), "nothing was charged")
	})

	It("whose message goes on and on costs no memory", func() {
		const limit, octets = 1 << 20, 48 << 20
		open(func(o *reference.Options) { o.Service.Limits.MessageSize = limit })
		good.sawNoError()
		p := hello()
		for _, line := range append([]string{"EHLO mail.acme.example"}, append(envelope("anna@acme.example", 1), "DATA")...) {
			say(p, line+"\r\n")
			reply(p)
		}
		chunk := []byte(strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1000))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for sent := 0; sent < octets; sent += len(chunk) {
			_, err := p.conn.Write(chunk)
			Expect(err).NotTo(HaveOccurred())
		}
		say(p, ".\r\n")
		Expect(p.line()).To(HavePrefix("552 5.3.4 Your message exceeded"))
		runtime.ReadMemStats(&after)
		Expect(after.TotalAlloc-before.TotalAlloc).To(BeNumerically("<", 4<<20), "octets allocated for %d that came", octets)
		say(p, "NOOP\r\n")
		Expect(p.line()).To(HavePrefix("250 "))
	})
})

// halfOpen opens n connections to 127.0.0.1 and leaves each in the middle of its first command. What it gives are plain
// file descriptors: the client's ends cost no memory that is counted.
func halfOpen(port, n int) ([]int, error) {
	const atOnce = 32
	ends, errs := make([]int, n), make([]error, n)
	var work sync.WaitGroup
	for first := range atOnce {
		work.Go(func() {
			for i := first; i < n; i += atOnce {
				ends[i], errs[i] = halfSession(port)
				if errs[i] != nil {
					return
				}
			}
		})
	}
	work.Wait()
	return ends, errors.Join(errs...)
}

// readOnce reads from a plain descriptor. With SO_RCVTIMEO a signal, such as the scheduler's own, ends a read with EINTR.
func readOnce(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

func halfSession(port int) (int, error) {
	end, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	wait := syscall.NsecToTimeval(patience.Nanoseconds())
	if err := syscall.SetsockoptTimeval(end, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait); err != nil {
		return end, fmt.Errorf("bound the wait: %w", err)
	}
	if err := syscall.Connect(end, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return end, fmt.Errorf("connect: %w", err)
	}
	var greeting [512]byte
	if n, err := readOnce(end, greeting[:]); err != nil || !strings.HasPrefix(string(greeting[:n]), "220 ") {
		return end, fmt.Errorf("greeting %q: %w", greeting[:max(n, 0)], err)
	}
	_, err = syscall.Write(end, []byte("EHL"))
	return end, err
}

// used is the memory of heap and stacks that is in use.
func used() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second one empties the pools
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

var _ = Describe("Ten thousand half-open connections", Serial, func() {
	It("cost little, and the relay goes on", func() {
		const wanted, bound = 10_000, 150 << 20 / 10_000 // octets a connection: 150 MiB for 10,000
		most := bound
		if underRace {
			most = 2 * bound
		}
		n := wanted
		var files syscall.Rlimit
		Expect(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)).To(Succeed())
		if room := (int(min(files.Cur, 1<<20)) - 500) / 2; room < n { // both ends are here
			n = room
			AddReportEntry(fmt.Sprintf("only %d connections: this process may open %d files, and both ends are in it", n, files.Cur), ReportEntryVisibilityAlways)
		}
		r := start(setup{options: unlimited})
		Expect(oneMessage(r)).To(Succeed())
		before := used()
		address, err := netip.ParseAddrPort(r.ports[policy.Port25])
		Expect(err).NotTo(HaveOccurred())
		ends, err := halfOpen(int(address.Port()), n)
		defer func() {
			for _, end := range ends {
				if end > 0 {
					syscall.Close(end)
				}
			}
		}()
		Expect(err).NotTo(HaveOccurred())
		Eventually(r.Sessions, patience).Should(Equal(n))
		each := (int64(used()) - int64(before)) / int64(n)
		AddReportEntry(fmt.Sprintf("%d half-open connections: %d octets of heap and stack each", n, each), ReportEntryVisibilityAlways)
		Expect(each).To(BeNumerically("<", most))

		Expect(oneMessage(r)).To(Succeed())
		Expect(r.Close()).To(Succeed())
	})
})
