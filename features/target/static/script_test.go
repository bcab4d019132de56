package static_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// What a scripted relay does in the place of a reply.
const (
	hangs  = "hangs"
	closes = "closes"
)

// slowly is how long a slow relay takes between its ports: several polls of who waits for them.
const slowly = 200 * time.Millisecond

// relayScript is a small relay that answers as an honest one would, but for what misbehave says: it is asked for each
// line of each session, the greeting being the line "", and gives another reply, hangs, closes, or "" for the honest one.
type relayScript struct {
	listener  net.Listener
	misbehave func(session int, line string) string
	weigh     func(content string) string // the reply to a message; nil: 250
	sessions  atomic.Int32
	proxied   atomic.Bool // a line comes before the greeting

	mu    sync.Mutex
	conns []net.Conn
}

// scripted starts a relay for the time of a spec.
func scripted(misbehave func(session int, line string) string) *relayScript {
	GinkgoHelper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	r := &relayScript{listener: listener, misbehave: misbehave}
	go r.serve()
	DeferCleanup(r.die)
	return r
}

func (r *relayScript) address() string { return r.listener.Addr().String() }

// die closes everything.
func (r *relayScript) die() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

func (r *relayScript) serve() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns = append(r.conns, conn)
		r.mu.Unlock()
		go r.session(conn, int(r.sessions.Add(1)))
	}
}

func (r *relayScript) session(conn net.Conn, number int) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	content, message := false, ""
	if r.proxied.Load() && in.Scan() {
		r.misbehave(number, in.Text())
	}
	for line := ""; ; line = in.Text() {
		reply := ""
		switch {
		case !content:
			reply = honest(line)
			if other := r.misbehave(number, line); other != "" {
				reply = other
			}
			content = strings.HasPrefix(reply, "354")
		case line == ".":
			content, reply = false, "250 accepted"
			if r.weigh != nil {
				reply = r.weigh(message)
			}
			message = ""
		default:
			message += line + "\n"
		}
		switch reply {
		case closes:
			return
		case hangs, "":
		default:
			fmt.Fprintf(conn, "%s\r\n", reply)
		}
		if !in.Scan() || reply == "221 bye" {
			return
		}
	}
}

// honest is the reply of a relay without extensions.
func honest(line string) string {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "":
		return "220 relay.example"
	case "QUIT":
		return "221 bye"
	case "DATA":
		return "354 go on"
	}
	return "250 ok"
}

// play is the relay of a process of its own: honest for some sessions, then what says what becomes of it.
func play(what string) string {
	mode, sink, _ := strings.Cut(what, " ")
	switch mode {
	case "mute":
		time.Sleep(time.Minute) // ended from outside
	case "dies":
		fmt.Println("starting, sink at", sink)
		return "as it was told"
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), asRelay+"=mute")
		fmt.Println("child", child.Start() == nil, child.Process.Pid)
	}
	at := "127.0.0.1:0"
	if mode == "slow" { // it is told two ports, and opens one when it has opened the other
		first, second, _ := strings.Cut(sink, " ")
		early, err := net.Listen("tcp4", "127.0.0.1:"+first)
		if err != nil {
			return err.Error()
		}
		go (&relayScript{listener: early, misbehave: func(int, string) string { return "" }}).serve()
		time.Sleep(slowly)
		at = "127.0.0.1:" + second
	}
	listener, err := net.Listen("tcp4", at)
	if err != nil {
		return err.Error()
	}
	r := &relayScript{listener: listener}
	r.misbehave = func(session int, line string) string {
		if mode == "crashes" && session > openings && strings.HasPrefix(line, "MAIL") {
			fmt.Fprint(os.Stderr, "panic: no memory for mail")
			os.Exit(2)
		}
		return ""
	}
	fmt.Println("relay listens at", listener.Addr())
	r.serve()
	return "over"
}
