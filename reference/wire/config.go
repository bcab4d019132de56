package wire

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Config is what a Server is made of. Engine and Replies are needed, everything else works as zero.
type Config struct {
	Engine Engine
	// Replies holds every text that is written: all names of the wire's group, and ReplyTLSRequired. {id}, {unix},
	// {peer}, {helo}, {octets} and {challenge} are filled in, in the replies of a Decision too.
	Replies map[policy.ReplyName]policy.Reply
	// Capabilities are the lines after the first one to EHLO, in order. "STARTTLS" stands where it is offered while
	// that is possible; with TLS on, the AUTH line takes its place. Without "STARTTLS" the command is refused.
	Capabilities []string
	// Mechanisms are the SASL mechanisms in the order of the AUTH line: PLAIN, LOGIN, XOAUTH2, OAUTHBEARER.
	// Empty: no AUTH.
	Mechanisms []string
	// MaxSize bounds a message, in octets without dot stuffing. Reply: ReplyTooBig. 0 and -1: no bound.
	MaxSize int64
	// MaxHops bounds the Received fields in a message's header. Reply: ReplyLoop. 0 and -1: no bound.
	MaxHops int
	// TLS is needed for policy.Port465 and for STARTTLS. nil: none.
	TLS       *tls.Config
	Deadlines Deadlines
	// MaxErrors is the count of errors at which a session is closed with ReplyTooManyErrors: of commands that can't be
	// understood, since the last accepted message, and of credentials that the Engine refuses, since the session began.
	// 0: 20, so a session has 20 guesses at a password. -1: no bound.
	MaxErrors int
	// ProxyFrom are the peers that must begin each connection with a header of the PROXY protocol, version 1 or 2, below
	// TLS: the client's address is then the header's. Nobody else's header is believed. Empty: nobody does.
	ProxyFrom []netip.Prefix
	// MaxCommands bounds the commands since a message was last brought on, by DATA or by BDAT with octets, whatever the Engine
	// said to it; MAIL and RCPT that are taken don't count. One more closes the session with ReplyFlood. 0: 10,000. -1: no
	// bound.
	MaxCommands int
	// MaxTransactions bounds the transactions of a session. One more closes it with ReplyExpired; a client that has more
	// mail connects again. 0: 1,000,000. -1: no bound.
	MaxTransactions int
	// MaxRecipients bounds the recipients of a transaction, whatever the Engine would take: each is kept until it ends.
	// One more gets ReplyRecipients, and those before it stay. 0: 10,000. -1: no bound.
	MaxRecipients int
	// MaxSessions bounds the sessions at once, over all listeners. One more gets ReplyBusy. 0: 20,000. -1: no bound.
	MaxSessions int
	// MaxPeerSessions bounds the sessions at once of one address, that of a PROXY header where there is one; of one /64 in
	// IPv6. One more gets ReplyPeerBusy; on port 465 it is closed without a word. 0 and -1: no bound.
	MaxPeerSessions int
	// Tap wraps what a session reads from and writes to: the connection in the clear, and then the one inside TLS. The
	// handshake itself goes by it. For relays that are broken on purpose, and for faults. nil: nothing is wrapped.
	Tap func(net.Conn) net.Conn
	// NewID gives each session its id, printable ASCII without braces. nil: random, in the observed shape.
	NewID func() string
	// Now is the time in {unix} and in events. nil: time.Now.
	Now func() time.Time
	// Events is called for every reply, and with Code 0 for a failed handshake, a bad PROXY header, a session that is closed
	// without a word and a panic. It is called in the sessions' goroutines and must not panic. nil: nobody wants them.
	Events func(Event)
}

// Deadlines are how long a session waits, in real time. 0: the default. -1: for ever. RFC 5321 §4.5.3.2 asks a server for
// five minutes before the next command, and of a client what a server has to expect: three minutes for each block.
type Deadlines struct {
	Command   time.Duration // for the whole of the next command. Default 5 min (RFC 5321 §4.5.3.2.7)
	Data      time.Duration // for the next block of a message. Default 3 min (RFC 5321 §4.5.3.2.5)
	Message   time.Duration // for the whole message. Default 1 h
	Auth      time.Duration // for a response to an AUTH challenge. Default 5 min
	Proxy     time.Duration // for the whole PROXY header. Default 10 s
	Handshake time.Duration // for the TLS handshake. Default 1 min
	Write     time.Duration // for the client to take what is written at once. Default 1 min
}

// The defaults of Config.
const (
	defaultMaxErrors   = 20
	defaultMaxSessions = 20_000

	defaultMaxCommands     = 10_000
	defaultMaxTransactions = 1_000_000
	defaultMaxRecipients   = 10_000
)

// needed are the replies that a Server speaks by itself.
func needed() []policy.ReplyName {
	return []policy.ReplyName{
		policy.ReplyGreeting, policy.ReplyHelo, policy.ReplyEhlo, policy.ReplyMail, policy.ReplyRcpt, policy.ReplyData,
		policy.ReplyAccepted, policy.ReplyReset, policy.ReplyNoop, policy.ReplyHelp, policy.ReplyVerify, policy.ReplyQuit,
		policy.ReplyStartTLS, policy.ReplyChallenge, policy.ReplyAuthenticated, policy.ReplyEmptyHelo, policy.ReplyBadHelo,
		policy.ReplyNoHelo, policy.ReplyNoMail, policy.ReplyNoRcpt, policy.ReplyBadSequence, policy.ReplySyntax,
		policy.ReplyLineTooLong, policy.ReplyUnknown, policy.ReplyTooManyErrors, policy.ReplyNoParameters,
		policy.ReplyTLSTwice, policy.ReplyTLSPipelined, policy.ReplyAuthTwice, policy.ReplyAuthMechanism,
		policy.ReplyAuthDecode, policy.ReplyAuthCancelled, policy.ReplyTooBig, policy.ReplyMalformed, policy.ReplyTimeout,
		policy.ReplyShutdown, policy.ReplyBusy, policy.ReplyFailure, policy.ReplyTLSRequired,
		policy.ReplyChunk, policy.ReplyNoData, policy.ReplyNonASCII, policy.ReplyParameters, policy.ReplyLoop,
		policy.ReplyRecipients, policy.ReplyFlood, policy.ReplyExpired, policy.ReplyPeerBusy,
	}
}

func (c *Config) check() error {
	if c.Engine == nil {
		return errors.New("wire: no Engine")
	}
	var missing []string
	for _, name := range needed() {
		if r := c.Replies[name]; r.Code == 0 || len(r.Lines) == 0 {
			missing = append(missing, string(name))
		}
	}
	if missing != nil {
		return fmt.Errorf("wire: no reply for %s: give each a code and a line", strings.Join(missing, ", "))
	}
	for _, m := range c.Mechanisms {
		if !slices.Contains(mechanisms(), m) {
			return fmt.Errorf("wire: mechanism %q: only %s are served", m, strings.Join(mechanisms(), ", "))
		}
	}
	return nil
}

func (c *Config) setDefaults() {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	set(&c.Deadlines.Command, 5*time.Minute)
	set(&c.Deadlines.Data, 3*time.Minute)
	set(&c.Deadlines.Message, time.Hour)
	set(&c.Deadlines.Auth, 5*time.Minute)
	set(&c.Deadlines.Proxy, defaultProxy)
	set(&c.Deadlines.Handshake, time.Minute)
	set(&c.Deadlines.Write, time.Minute)
	c.MaxErrors = cmp.Or(c.MaxErrors, defaultMaxErrors)
	c.MaxCommands = cmp.Or(c.MaxCommands, defaultMaxCommands)
	c.MaxTransactions = cmp.Or(c.MaxTransactions, defaultMaxTransactions)
	c.MaxRecipients = cmp.Or(c.MaxRecipients, defaultMaxRecipients)
	c.MaxSessions = cmp.Or(c.MaxSessions, defaultMaxSessions)
	if c.Tap == nil {
		c.Tap = func(conn net.Conn) net.Conn { return conn }
	}
	if c.NewID == nil {
		c.NewID = newID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// startTLS is the capability that Config.Capabilities names the place of.
const startTLS = "STARTTLS"

// offers are the extensions that Config.Capabilities names, as far as what a session does depends on them.
type offers struct{ size, eightBit, chunking, utf8, dsn, auth bool }

func (c *Config) offers() offers {
	o := offers{auth: len(c.Mechanisms) > 0}
	for _, capability := range c.Capabilities {
		keyword, _, _ := strings.Cut(capability, " ")
		switch strings.ToUpper(keyword) {
		case "SIZE": // RFC 1870
			o.size = true
		case "8BITMIME": // RFC 6152
			o.eightBit = true
		case "CHUNKING": // RFC 3030
			o.chunking = true
		case "SMTPUTF8": // RFC 6531
			o.utf8 = true
		case "DSN": // RFC 3461
			o.dsn = true
		}
	}
	return o
}

// ehlo is the reply to EHLO: with TLS on or off. AUTH is never advertised in the clear (RFC 4954 §4, AUTH-TLS).
func (c *Config) ehlo(secure bool) policy.Reply {
	r := c.Replies[policy.ReplyEhlo]
	lines := slices.Clone(r.Lines)
	for _, capability := range c.Capabilities {
		switch {
		case capability != startTLS:
			lines = append(lines, capability)
		case secure && len(c.Mechanisms) > 0:
			lines = append(lines, "AUTH "+strings.Join(c.Mechanisms, " "))
		case !secure && c.TLS != nil:
			lines = append(lines, startTLS)
		}
	}
	if secure && len(c.Mechanisms) > 0 && !slices.Contains(c.Capabilities, startTLS) {
		lines = append(lines, "AUTH "+strings.Join(c.Mechanisms, " "))
	}
	r.Lines = lines
	return r
}
