package session

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Options is what a session needs. Manner and Dial are required.
type Options struct {
	Manner *Manner
	// Host is the server's name; Manner.Hello says what is put behind one without a dot.
	Host string
	// Dial connects to the relay. It is called a second time where Manner says so: in clear text, for TLS didn't do.
	Dial func(ctx context.Context) (net.Conn, error)
	// TLS has the roots that the relay's certificate is verified by (nil: the system's), and in ServerName the relay's name,
	// which its certificate has to have; "": any name does. nil: as a zero one.
	TLS *tls.Config
	// User and Password are said where Manner knows a mechanism that the relay announces; User "": never.
	User, Password string
	// Convert makes a content fit for the relay: eightBit tells that it announces 8BITMIME. Its error means that the message
	// can't be given to this relay: it bounces. nil: contents go as they are.
	Convert func(content []byte, eightBit bool) ([]byte, error)
	// Transcript records the session under Name; nil: nothing is recorded.
	Transcript *transcript.Transcript
	Name       string
	// Scale is what the time-outs of Manner are multiplied by; 0: 1.
	Scale float64
}

// Session is a connection over which MAIL may be said. One goroutine uses it.
type Session struct {
	o      *Options
	m      *Manner
	conn   *client.Conn
	peer   net.Addr
	clear  bool // no TLS: an earlier connection showed that it doesn't do
	begun  int  // transactions
	undone bool // the last one was refused before its content was sent
	over   bool
}

// Refused says that a session of no use was ended: no message can be sent to the relay now.
type Refused struct {
	Verdict   Verdict
	Stage     client.Stage // client.Connect: at the greeting, or before
	Reply     client.Reply // that decided it; its code is 0 where none came
	Err       error        // why no reply came; nil: one did
	Connected bool         // there was a connection
}

func (r *Refused) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%s at %s: %v", r.Verdict, r.Stage, r.Err)
	}
	return fmt.Sprintf("%s at %s: %s", r.Verdict, r.Stage, r.Reply)
}

// Unwrap gives the cause.
func (r *Refused) Unwrap() error { return r.Err }

// Errors that stand in a Refused.
var (
	errNotOffered = errors.New("the relay doesn't offer STARTTLS, which is required")
	errUntrusted  = errors.New("the relay's certificate can't be verified")
	errRedial     = errors.New("again, in clear text")
)

// Open connects to a relay, greets it, and uses TLS and AUTH as the server does, up to where MAIL may be said.
//
// Errors: *Refused, also when ctx ends; a Manner that doesn't hold (Check).
func Open(ctx context.Context, o Options) (*Session, error) {
	s := &Session{o: &o, m: o.Manner}
	err := s.open(ctx)
	if errors.Is(err, errRedial) {
		s = &Session{o: &o, m: o.Manner, clear: true}
		err = s.open(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// open opens one connection. errRedial: it was dropped, for the next one to be in clear text.
func (s *Session) open(ctx context.Context) error {
	if err := s.dial(ctx); err != nil {
		meaning, _ := s.m.Replies.find(client.Connect, unconnected, dropped)
		return &Refused{Verdict: meaning.Verdict(), Stage: client.Connect, Err: err}
	}
	defer s.conn.Until(ctx)()
	for _, step := range []func(context.Context) error{s.greeted, s.hello, s.encrypt, s.authenticate} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) dial(ctx context.Context) error {
	dialer := client.Dialer{
		Address: "the relay", Timeout: s.within(s.m.Timeouts.Connect.Value), Transcript: s.o.Transcript, Name: s.o.Name,
		TLS: s.tlsConfig(),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := s.o.Dial(ctx)
			if err == nil {
				s.peer = conn.RemoteAddr()
			}
			return conn, err
		},
	}
	var err error
	s.conn, err = dialer.Dial(ctx)
	return err
}

// within gives a time-out as clients take it: 0 there means that there is none.
func (s *Session) within(d time.Duration) time.Duration {
	if d <= 0 {
		return -1
	}
	if s.o.Scale > 0 {
		d = time.Duration(float64(d) * s.o.Scale)
	}
	return max(d, time.Nanosecond)
}

func (s *Session) greeted(context.Context) error {
	s.conn.SetTimeout(s.within(s.m.Timeouts.Greeting.Value))
	reply, err := s.conn.ReadReply()
	if err != nil || !s.accepts(client.Connect, 220, reply) {
		return s.refused(client.Connect, reply, err)
	}
	return nil
}

// hello greets the relay; it is said again after the TLS handshake.
func (s *Session) hello(context.Context) error {
	s.conn.SetTimeout(s.within(s.m.Timeouts.Hello.Value))
	reply, err := s.conn.Cmd(string(s.m.Hello.Verb.Value) + " " + s.name())
	if err == nil && s.fallsBack(reply) {
		again, failed := s.conn.Cmd(string(HELO) + " " + s.name())
		switch {
		case failed == nil:
			reply = again
		case reply.Code != 421: // which was the last word
			err = failed
		}
	}
	if err != nil || !s.accepts(client.Hello, 250, reply) {
		return s.refused(client.Hello, reply, err)
	}
	return nil
}

// accepts tells whether reply lets the session go on: any 2yz does, but where the stage says what 2yz means only code.
func (s *Session) accepts(stage client.Stage, code int, reply client.Reply) bool {
	_, particular := s.m.Replies.at(stage)["2yz"]
	return reply.Code == code || reply.Positive() && !particular
}

func (s *Session) fallsBack(reply client.Reply) bool {
	if s.m.Hello.Verb.Value != EHLO {
		return false
	}
	switch s.m.Hello.Fallback.Value {
	case PermanentFallback:
		return reply.Permanent()
	case AnyFallback:
		return !reply.Positive()
	}
	return false
}

// name is the server's name as it is said.
func (s *Session) name() string {
	if strings.Contains(s.o.Host, ".") {
		return s.o.Host
	}
	return s.o.Host + s.m.Hello.Domain.Value
}

// refused ends a session that is of no use, and says what that means.
func (s *Session) refused(stage client.Stage, reply client.Reply, err error) error {
	meaning := Meaning("")
	if err != nil {
		meaning = s.m.Replies.without(stage, err)
	} else {
		meaning = s.m.Replies.of(stage, reply)
	}
	return s.refuse(meaning, stage, reply, err)
}

func (s *Session) refuse(meaning Meaning, stage client.Stage, reply client.Reply, err error) error {
	switch meaning.Then() {
	case Cut:
		s.cut()
	default:
		s.leave()
	}
	return &Refused{Verdict: meaning.Verdict(), Stage: stage, Reply: reply, Err: err, Connected: true}
}

// authenticate says AUTH where the server would.
func (s *Session) authenticate(context.Context) error {
	offered := s.conn.Capabilities().Parameters("AUTH")
	if s.o.User == "" || !s.conn.TLS() && !s.m.Auth.Clear.Value {
		return nil
	}
	s.conn.SetTimeout(s.within(s.m.Timeouts.Auth.Value))
	var reply client.Reply
	for _, mechanism := range s.m.Auth.Mechanisms.Value {
		if !slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, string(mechanism)) }) {
			continue
		}
		var err error
		reply, err = s.say(mechanism)
		if err != nil || reply.Code == 421 {
			return s.refused(client.Auth, reply, err)
		}
		if reply.Positive() {
			return nil
		}
		if !s.m.Auth.TryNext.Value {
			break
		}
	}
	if reply.Code == 0 || s.m.Auth.GoOn.Value { // none that both know
		return nil
	}
	return s.refused(client.Auth, reply, nil)
}

func (s *Session) say(mechanism Mechanism) (client.Reply, error) {
	if mechanism == Login {
		return s.conn.AuthLogin(s.o.User, s.o.Password)
	}
	actFor := ""
	if s.m.Auth.AuthzidIsUser.Value {
		actFor = s.o.User
	}
	return s.conn.Cmd("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte(actFor+"\x00"+s.o.User+"\x00"+s.o.Password)))
}
