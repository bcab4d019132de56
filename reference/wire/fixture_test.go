package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// replies are the texts of the tests, in the shape of those observed: relay-rules section 3.
func replies() map[policy.ReplyName]policy.Reply {
	one := func(code int, enhanced, text string) policy.Reply {
		return policy.Reply{Code: code, Enhanced: enhanced, Lines: []string{text}}
	}
	return map[policy.ReplyName]policy.Reply{
		policy.ReplyGreeting:      one(220, "", "smtp-relay.gmail.com ESMTP {id} - gsmtp"),
		policy.ReplyHelo:          one(250, "", "smtp-relay.gmail.com at your service"),
		policy.ReplyEhlo:          one(250, "", "smtp-relay.gmail.com at your service, [{peer}]"),
		policy.ReplyMail:          one(250, "2.1.0", "OK {id} - gsmtp"),
		policy.ReplyRcpt:          one(250, "2.1.5", "OK {id} - gsmtp"),
		policy.ReplyData:          one(354, "", " Go ahead {id} - gsmtp"),
		policy.ReplyAccepted:      one(250, "2.0.0", "OK  {unix} {id} - gsmtp"),
		policy.ReplyChunk:         one(250, "2.0.0", "{octets} octets received {id} - gsmtp"),
		policy.ReplyNoData:        one(503, "5.5.1", "No DATA after BDAT. {id} - gsmtp"),
		policy.ReplyNonASCII:      one(553, "5.6.7", "Non-ASCII address without SMTPUTF8. {id} - gsmtp"),
		policy.ReplyParameters:    one(555, "5.5.4", "Unsupported parameter. {id} - gsmtp"),
		policy.ReplyReset:         one(250, "2.1.5", "Flushed {id} - gsmtp"),
		policy.ReplyNoop:          one(250, "2.0.0", "OK {id} - gsmtp"),
		policy.ReplyHelp:          one(214, "2.0.0", "See RFC 5321 {id} - gsmtp"),
		policy.ReplyVerify:        one(252, "2.1.5", "Send some mail, I'll try my best {id} - gsmtp"),
		policy.ReplyQuit:          one(221, "2.0.0", "closing connection {id} - gsmtp"),
		policy.ReplyStartTLS:      one(220, "2.0.0", "Ready to start TLS"),
		policy.ReplyChallenge:     one(334, "", "{challenge}"),
		policy.ReplyAuthenticated: one(235, "2.7.0", "Accepted"),
		policy.ReplyEmptyHelo:     one(501, "5.5.4", "Empty HELO/EHLO argument not allowed, closing connection. {id} - gsmtp"),
		policy.ReplyBadHelo:       one(501, "5.5.4", "HELO/EHLO argument {helo} invalid, closing connection. {id} - gsmtp"),
		policy.ReplyNoHelo:        one(503, "5.5.1", "EHLO/HELO first. {id} - gsmtp"),
		policy.ReplyNoMail:        one(503, "5.5.1", "MAIL first. {id} - gsmtp"),
		policy.ReplyNoRcpt:        one(503, "5.5.1", "RCPT first. {id} - gsmtp"),
		policy.ReplyBadSequence:   one(503, "5.5.1", "Bad sequence of commands. {id} - gsmtp"),
		policy.ReplySyntax:        one(555, "5.5.2", "Syntax error. {id} - gsmtp"),
		policy.ReplyLineTooLong:   one(500, "5.5.2", "Line too long. {id} - gsmtp"),
		policy.ReplyUnknown:       one(502, "5.5.1", "Unrecognized command. {id} - gsmtp"),
		policy.ReplyTooManyErrors: one(502, "5.5.1", "Too many unrecognized commands, goodbye. {id} - gsmtp"),
		policy.ReplyNoParameters:  one(501, "5.7.11", "Syntax error (no parameters allowed). {id} - gsmtp"),
		policy.ReplyTLSTwice:      one(454, "5.5.1", "STARTTLS may not be repeated. {id} - gsmtp"),
		policy.ReplyTLSPipelined:  one(454, "4.5.0", "no commands allowed to pipeline after STARTTLS. {id} - gsmtp"),
		policy.ReplyAuthTwice:     one(503, "5.7.0", "No identity changes permitted. {id} - gsmtp"),
		policy.ReplyAuthMechanism: one(504, "5.7.4", "Unrecognized Authentication Type. {id} - gsmtp"),
		policy.ReplyAuthDecode:    one(501, "5.5.2", "Cannot Decode response. {id} - gsmtp"),
		policy.ReplyAuthCancelled: one(501, "5.7.0", "Authentication canceled. {id} - gsmtp"),
		policy.ReplyTooBig:        one(552, "5.3.4", "Your message exceeded size limits. {id} - gsmtp"),
		policy.ReplyMalformed:     one(554, "5.6.0", "Mail message is malformed. Not accepted. {id} - gsmtp"),
		policy.ReplyLoop:          one(554, "5.4.6", "Message exceeded 50 hops, this may indicate a mail loop. {id} - gsmtp"),
		policy.ReplyTimeout:       one(451, "4.4.2", "Timeout - closing connection. {id} - gsmtp"),
		policy.ReplyShutdown:      one(421, "4.3.0", "Temporary System Problem. Try again later. {id} - gsmtp"),
		policy.ReplyBusy:          one(421, "4.4.5", "Server busy, try again later. {id} - gsmtp"),
		policy.ReplyPeerBusy:      one(421, "4.7.0", "Too many of you, closing connection. {id} - gsmtp"),
		policy.ReplyExpired:       one(421, "4.7.0", "Connection expired, try reconnecting. {id} - gsmtp"),
		policy.ReplyRecipients:    one(452, "4.5.3", "Your message has too many recipients. {id} - gsmtp"),
		policy.ReplyFailure:       one(451, "4.3.0", "Mail server temporarily rejected message. {id} - gsmtp"),
		policy.ReplyTLSRequired:   one(530, "5.7.0", "Must issue a STARTTLS command first. {id} - gsmtp"),

		policy.ReplyFlood: one(421, "4.7.0", "Try again later, closing connection. {id} - gsmtp"),

		policy.ReplyCredentials: one(535, "5.7.8", "Username and Password not accepted. {id} - gsmtp"),
		policy.ReplyHeloRefused: {Code: 421, Enhanced: "4.7.0", Lines: []string{
			"Try again later, closing connection. (EHLO)", "For more information, go to",
			" https://support.google.com/a/answer/3221692 {id} - gsmtp"}},
		"helo-refused-old": one(421, "4.7.0", "Try again later, closing connection. (EHLO) {id} - gsmtp"),
		policy.ReplyCustomerDay: {Code: 550, Enhanced: "5.7.1", Lines: []string{
			"Daily SMTP relay limit exceeded for customer. For more information on",
			"SMTP relay sending limits please contact your administrator or visit",
			" https://support.google.com/a/answer/6140680#dailylimit {id} - gsmtp"}},
		policy.ReplyInvalidRelay: {Code: 550, Enhanced: "5.7.1", Lines: []string{
			"Invalid credentials for relay [{peer}]. The IP address you've",
			"registered in your Workspace SMTP Relay service doesn't match domain of",
			"the account this email is being sent from. If you are trying to relay",
			"mail from a domain that isn't registered under your Workspace account",
			"or has empty envelope-from, you must configure your mail server",
			"either to use SMTP AUTH to identify the sending domain or to present",
			"one of your domain names in the HELO or EHLO command. For more",
			"information, please visit",
			" https://support.google.com/a/answer/6140680#invalidcred {id} - gsmtp"}},
		policy.ReplyRelayDenied: one(550, "5.7.0", "Mail relay denied [{peer}]. {id} - gsmtp"),
		policy.ReplyCustomerPeak: one(450, "4.2.1",
			"Peak SMTP relay limit exceeded for customer. {id} - gsmtp"),
	}
}

func capabilities() []string {
	return []string{"SIZE 35882577", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"}
}

// rule is what a scripted Engine does at a stage when subject stands in what it is asked about.
type rule struct {
	stage   policy.Stage
	subject string
	reply   policy.ReplyName
	close   bool
	fail    bool
	panic   bool
	delay   time.Duration
	sender  string // domain of the rewritten sender
}

// taken is a message that a scripted Engine accepted.
type taken struct {
	sender     string
	recipients []string
	body       string
}

// scripted is an Engine that answers as told, and watches that the wire keeps its side of the contract.
type scripted struct {
	mu       sync.Mutex
	rules    []rule
	taken    []taken
	dsn      policy.DSN // of the message that was taken last
	asked    []policy.Stage
	releases int
	open     int // transactions that hold something
	wrong    []string
}

func (e *scripted) Decide(_ context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, stage)
	e.watch(stage, f)
	if r := e.match(stage, f); r != nil {
		if r.panic {
			panic("as told")
		}
		if r.fail {
			return policy.Decision{}, errors.New("as told")
		}
		d := policy.Decision{Reply: replies()[r.reply], Rule: "TOLD", Close: r.close, Delay: r.delay}
		if r.sender != "" {
			d.Sender = policy.Address{Local: "postmaster", Domain: r.sender}
		}
		return d, nil
	}
	if stage == policy.Auth && f.Offered == nil {
		return policy.Decision{Reply: replies()[policy.ReplyTLSRequired]}, nil
	}
	return policy.Decision{}, nil
}

func (e *scripted) match(stage policy.Stage, f *policy.Facts) *rule {
	subject := f.Sender.String()
	switch {
	case stage == policy.Helo:
		subject = f.Helo
	case stage == policy.Rcpt:
		subject = f.Rcpt.String()
	case stage == policy.Auth && f.Offered != nil:
		subject = f.Offered.User + ":" + f.Offered.Password + f.Offered.Token
	}
	for i, r := range e.rules {
		if r.stage == stage && (r.subject == "*" || strings.Contains(subject, r.subject)) {
			return &e.rules[i]
		}
	}
	return nil
}

// watch notes what must not be.
func (e *scripted) watch(stage policy.Stage, f *policy.Facts) {
	complain := func(what string) { e.wrong = append(e.wrong, fmt.Sprintf("at %v: %s: %+v", stage, what, *f)) }
	switch stage {
	case policy.Connect, policy.Helo, policy.Auth:
		if f.Hold != nil || len(f.Recipients) > 0 || !f.Sender.Null() {
			complain("a transaction is left over")
		}
		if f.Offered != nil && !f.TLS {
			complain("credentials in the clear")
		}
	case policy.Mail:
		if f.Hold != nil || len(f.Recipients) > 0 {
			complain("a transaction is left over")
		}
		f.Hold = new(int)
		e.open++
	case policy.Rcpt:
		if f.Hold == nil {
			complain("no transaction")
		}
		if f.Rcpt == (policy.Address{}) {
			complain("no recipient")
		}
	case policy.Data:
		if f.Hold == nil || len(f.Recipients) == 0 {
			complain("no transaction")
		}
	}
	if stage >= policy.Mail && f.Helo == "" {
		complain("no HELO")
	}
}

func (e *scripted) Commit(_ context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error) {
	message, err := io.ReadAll(body)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		return policy.Decision{}, err
	}
	if r := e.match(policy.Accept, f); r != nil {
		if r.panic {
			panic("as told")
		}
		if r.fail {
			return policy.Decision{}, errors.New("as told")
		}
		return policy.Decision{Reply: replies()[r.reply], Close: r.close}, nil
	}
	var recipients []string
	for _, r := range f.Recipients {
		recipients = append(recipients, r.String())
	}
	e.dsn = f.DSN
	e.dsn.Notices = slices.Clone(f.DSN.Notices)
	e.taken = append(e.taken, taken{f.Sender.String(), recipients, string(message)})
	e.settle(f)
	return policy.Decision{}, nil
}

func (e *scripted) Release(f *policy.Facts) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.releases++
	e.settle(f)
}

func (e *scripted) settle(f *policy.Facts) {
	if f.Hold != nil {
		e.open--
		f.Hold = nil
	}
}

// discarding is an Engine that agrees to everything.
type discarding struct{}

func (discarding) Decide(context.Context, policy.Stage, *policy.Facts) (policy.Decision, error) {
	return policy.Decision{}, nil
}

func (discarding) Commit(_ context.Context, _ *policy.Facts, body io.Reader) (policy.Decision, error) {
	_, err := io.Copy(io.Discard, body)
	return policy.Decision{}, err
}

func (discarding) Release(*policy.Facts) {}

// played is a net.Conn that plays octets in given chunks, then io.EOF, and keeps what is written.
type played struct {
	net.Conn
	chunks  func() []byte // empty: the end
	rest    []byte
	written []byte
}

func (c *played) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		c.rest = c.chunks()
	}
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *played) Write(p []byte) (int, error) {
	c.written = append(c.written, p...)
	return len(p), nil
}

func (c *played) Close() error                     { return nil }
func (c *played) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (c *played) SetDeadline(time.Time) error      { return nil }
func (c *played) SetReadDeadline(time.Time) error  { return nil }
func (c *played) SetWriteDeadline(time.Time) error { return nil }

// playing plays data cut at the lengths that cuts gives in turn. No cuts: all at once.
func playing(data []byte, cuts []byte) *played {
	next := 0
	return &played{chunks: func() []byte {
		n := len(data)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[next%len(cuts)]))
			next++
		}
		chunk := data[:n]
		data = data[n:]
		return chunk
	}}
}

func mustServer(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Replies == nil {
		c.Replies = replies()
	}
	if c.Capabilities == nil {
		c.Capabilities = capabilities()
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runSession runs one session over conn in this goroutine.
func runSession(s *Server, conn net.Conn, prepare func(*session)) {
	session := newSession(s, conn, policy.Port587)
	prepare(session)
	s.running.Add(1)
	session.run()
}

func (w watcher) Decide(_ context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	if stage == policy.Auth && f.Offered != nil {
		*w.seen = append(*w.seen, *f.Offered)
	}
	return policy.Decision{}, nil
}
