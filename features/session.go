package features

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// replyTimeout is how long a session waits for one reply where the target doesn't say; past it the network can't tell, and the step is an ERROR.
const replyTimeout = 20 * time.Second

// server is the sending server of a scenario, as it introduces itself to the relay. By default it connects from the
// loopback to port 587, speaks in clear text, and presents a name in EHLO that is no customer's.
type server struct {
	port     target.Role
	source   netip.Addr // zero: the system's choice
	starttls bool
	verb     string // HELO or EHLO; empty: EHLO
	helo     string
	user     string // whom it authenticates as; empty: nobody
	password string // empty: the right one
	clear    bool   // it authenticates without TLS
	name     string // of its session in the transcript; empty: a number
}

// session is an open session of the sending server.
type session struct {
	*client.Conn
	name string
	used bool         // a message was sent through it
	last client.Reply // to what opened it
}

// sessionSteps say how the sending server connects and introduces itself.
func sessionSteps(sc *godog.ScenarioContext) {
	sc.Given(`^the server connects to port (25|465|587)$`, connectsTo)
	sc.Given(`^the server connects from (\S+)$`, connectsFrom)
	sc.Given(`^the server presents "([^"]*)" in (HELO|EHLO)$`, presents)
	sc.Given(`^the server encrypts with STARTTLS$`, encrypts)
	sc.Given(`^the server authenticates as "([^"]*)"$`, authenticatesAs)
	sc.When(`^the server opens a session$`, opensSession)
	sc.When(`^the server authenticates as "([^"]*)"( with a wrong password| in clear text)?(?: with the password of "([^"]*)")?$`, authenticates)
}

func connectsTo(ctx context.Context, port int) error {
	return from(ctx).replan(func(sv *server) { sv.port = target.Role(port) })
}

func connectsFrom(ctx context.Context, address string) error {
	source, err := netip.ParseAddr(address)
	return errors.Join(err, from(ctx).replan(func(sv *server) { sv.source = source }))
}

func presents(ctx context.Context, name, verb string) error {
	s := from(ctx)
	return s.replan(func(sv *server) { sv.verb, sv.helo = verb, s.text(name) })
}

func encrypts(ctx context.Context) error {
	return from(ctx).replan(func(sv *server) { sv.starttls = true })
}

func authenticatesAs(ctx context.Context, user string) error {
	s := from(ctx)
	return s.replan(func(sv *server) { sv.user, sv.password, sv.clear = s.text(user), "", false })
}

func opensSession(ctx context.Context) error {
	s := from(ctx)
	s.hangUp()
	return s.tryOpening(ctx, s.server)
}

func authenticates(ctx context.Context, user, how, owner string) error {
	s := from(ctx)
	s.hangUp()
	sv := s.server
	sv.user, sv.clear = s.text(user), how == " in clear text"
	if how == " with a wrong password" {
		sv.password = "not the password"
	}
	if owner != "" {
		sv.password = secretOf(s.text(owner))
	}
	return s.tryOpening(ctx, sv)
}

// replan changes how the server connects; the next message goes through a new session.
func (s *scenario) replan(change func(*server)) error {
	s.hangUp()
	change(&s.server)
	return nil
}

// hangUp ends the open session, if there is one.
func (s *scenario) hangUp() {
	if s.session == nil {
		return
	}
	if _, err := s.session.Quit(); err != nil {
		s.session.Close() // it is over either way
	}
	s.session = nil
}

// abandon closes the open session without QUIT: the relay ended it, or it failed.
func (s *scenario) abandon() {
	s.session.Close() // it is over either way
	s.session = nil
}

// tryOpening opens a session, and makes what came of it the outcome to be judged.
func (s *scenario) tryOpening(ctx context.Context, sv server) error {
	opened, refused, err := s.dial(ctx, sv)
	if err != nil {
		return err
	}
	s.session = opened
	if refused != nil {
		s.outcomes = []outcome{*refused}
		return nil
	}
	s.outcomes = []outcome{{accepted: true, stage: "session", session: opened.name, reply: opened.last}}
	return nil
}

// open gives the scenario's session, opening one when there is none. What it gives besides is the relay's refusal.
func (s *scenario) open(ctx context.Context) (*session, *outcome, error) {
	if s.session != nil {
		return s.session, nil, nil
	}
	opened, refused, err := s.dial(ctx, s.server)
	s.session = opened
	return opened, refused, err
}

// dial opens a session as sv says, up to where mail can be sent.
func (s *scenario) dial(ctx context.Context, sv server) (*session, *outcome, error) {
	if err := s.ready(ctx); err != nil {
		return nil, nil, err
	}
	dialer, err := s.dialer(sv)
	if err != nil {
		return nil, nil, err
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	opened := &session{Conn: conn, name: dialer.Name}
	for _, step := range s.opening(ctx, conn, sv) {
		reply, err := step.say()
		if err != nil || !reply.Positive() {
			o := refusedBy(opened, step.stage, reply)
			if o != nil {
				o.closed = closes(conn, reply)
			}
			conn.Close()
			return nil, o, err
		}
		opened.last = reply
	}
	return opened, nil, nil
}

// farewell bounds how long a relay that said 421 may take to close the connection.
const farewell = 2 * time.Second

// closes tells whether the relay closes the connection after its 421.
func closes(conn *client.Conn, reply client.Reply) bool {
	if reply.Code != 421 {
		return false
	}
	ended, _ := ends(conn)
	return ended
}

// ends tells whether the relay ends the connection within farewell, and what it says instead: no reply where it says
// nothing at all. The connection is of no use afterwards.
func ends(conn *client.Conn) (ended bool, instead client.Reply) {
	enough := time.AfterFunc(farewell, func() { conn.Close() })
	defer enough.Stop()
	reply, err := conn.ReadReply()
	if err == nil {
		return false, reply
	}
	return client.Ended(err), client.Reply{}
}

// opening is one exchange at the beginning of a session.
type opening struct {
	stage string
	say   func() (client.Reply, error)
}

// opening lists the exchanges from the greeting to AUTH.
func (s *scenario) opening(ctx context.Context, conn *client.Conn, sv server) []opening {
	hello := opening{"EHLO", func() (client.Reply, error) { return conn.Hello(s.real(sv.helo)) }}
	if sv.verb == "HELO" {
		hello = opening{"HELO", func() (client.Reply, error) { return conn.Helo(s.real(sv.helo)) }}
	}
	steps := []opening{{"connect", conn.ReadReply}, hello}
	if sv.port != target.Port465 && (sv.starttls || sv.user != "" && !sv.clear) {
		steps = append(steps, opening{"STARTTLS", func() (client.Reply, error) { return conn.StartTLS(ctx) }}, hello)
	}
	if sv.user != "" {
		steps = append(steps, opening{"AUTH", func() (client.Reply, error) { return s.authenticate(conn, sv) }})
	}
	return steps
}

// authenticate says AUTH with LOGIN where PLAIN isn't offered. A user whom nobody registered has no right password.
func (s *scenario) authenticate(conn *client.Conn, sv server) (client.Reply, error) {
	password := sv.password
	if _, user, err := s.world.user(sv.user); err == nil && password == "" {
		password = user.Password
	}
	return conn.Auth(s.real(sv.user), s.secret(password))
}

// dialer says where and how sv connects. A documented port that the target doesn't serve is a failure, not an error.
func (s *scenario) dialer(sv server) (*client.Dialer, error) {
	address := s.target.Address(sv.port)
	if address == "" {
		return nil, &Failure{Want: fmt.Sprintf("port %d to be served", sv.port), Got: "no such port"}
	}
	how := dialling(s.target)
	if sv.source.Is6() && how.Proxy == 0 {
		address = overIPv6(address)
	}
	name := sv.name
	if name == "" {
		name = strconv.Itoa(s.next())
	}
	s.tellConnection(name, sv)
	return &client.Dialer{
		Address:     address,
		Source:      sv.source,
		Proxy:       how.Proxy,
		ImplicitTLS: sv.port == target.Port465,
		// A relay under test shows whatever certificate it made; who it is isn't at stake here.
		TLS:        &tls.Config{InsecureSkipVerify: true, ServerName: how.ServerName, MinVersion: tls.VersionTLS12},
		Timeout:    how.Timeout,
		Transcript: s.transcript,
		Name:       name,
	}, nil
}

// dialling says how sessions to t are opened.
func dialling(t target.Target) target.Dialling {
	var how target.Dialling
	if dialled, ok := t.(target.Dialled); ok {
		how = dialled.Dialling()
	}
	if how.Timeout == 0 {
		how.Timeout = replyTimeout
	}
	return how
}

// usualPort is where a server connects that isn't told: port 587, where t serves it.
func usualPort(t target.Target) target.Role {
	for _, port := range []target.Role{target.Port587, target.Port25, target.Port465} {
		if t.Address(port) != "" {
			return port
		}
	}
	return target.Port587
}

// overIPv6 gives the IPv6 way to a relay on the loopback: it is reached at the same port of ::1.
func overIPv6(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip, parseErr := netip.ParseAddr(host); err == nil && parseErr == nil && ip.Is4() && ip.IsLoopback() {
		return net.JoinHostPort("::1", port)
	}
	return address
}
