package features

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// dialogue is the raw conversation of a scenario of the protocol: a client that says what the feature says, octet for
// octet, and the replies that it heard.
type dialogue struct {
	conn   *client.Conn // nil: none is open
	name   string       // in the transcript
	roles  *target.Roles
	heard  []heard // every reply of the session
	judged int     // heard[judged:] no Then has asked about
	said   string  // the last When's, for a failure
}

// heard is a reply with what it answers.
type heard struct {
	command string // the first word of what was said, upper case; "" is the greeting
	reply   client.Reply
}

// dialogueSteps are the Givens and Whens of the protocol. A Given asks that the relay goes along, and is an error when it
// doesn't; a When leaves the reply to the Thens.
func dialogueSteps(sc *godog.ScenarioContext) {
	sc.Given(`^a client that has (connected|said EHLO|said EHLO in the clear|said HELO|started TLS|said EHLO in TLS|come to where it may authenticate|authenticated)$`, aClientThat)
	sc.Given(`^it has begun a transaction(?: with (no|\d+) recipients?)?$`, hasBegun)
	sc.Given(`^it has begun its message$`, hasBegunMessage)
	sc.Given(`^it has said "(.*)"$`, hasSaid)
	sc.When(`^a client connects(?: to port (25|465|587))?$`, connects)
	sc.When(`^it says "(.*)"$`, says)
	sc.When(`^it says:$`, saysText)
	sc.When(`^it sends "(.*)"$`, sends)
	sc.When(`^it sends in one segment:$`, sendsTogether)
	sc.When(`^it sends ([\d,]+) times "(.*)"$`, sendsTimes)
	sc.When(`^it sends its message(?: with "(.*)")?$`, sendsMessage)
	sc.When(`^it sends octet by octet:$`, sendsOctets)
	sc.When(`^it relays a message of (\S+) octets$`, relaysSized)
	sc.When(`^it begins TLS$`, beginsTLS)
	sc.When(`^it drops the connection$`, drops)
	sc.When(`^it names ([\d,]+) recipients$`, namesRecipients)
}

func aClientThat(ctx context.Context, how string) error {
	s := from(ctx)
	if err := s.connect(ctx, 0); err != nil {
		return unprepared(err)
	}
	for _, step := range s.gettingTo(ctx, how) {
		reply, err := step()
		if err == nil && !reply.Positive() {
			err = fmt.Errorf("the relay refused it: %s", reply)
		}
		if err != nil {
			return unprepared(err)
		}
	}
	s.talk.judged = len(s.talk.heard)
	return nil
}

// gettingTo lists the exchanges between the greeting and how. Where the relay relays only for who has authenticated, a
// client that has said EHLO has done that, too, unless it is to be in the clear.
func (s *scenario) gettingTo(ctx context.Context, how string) []func() (client.Reply, error) {
	hello := func() (client.Reply, error) { return s.hello("EHLO") }
	startTLS := func() (client.Reply, error) { return s.startTLS(ctx) }
	if s.talk.roles.Authenticate && (how == "said EHLO" || how == "said EHLO in TLS") {
		how = "authenticated"
	}
	var steps []func() (client.Reply, error)
	switch how {
	case "said EHLO", "said EHLO in the clear":
		steps = append(steps, hello)
	case "said HELO":
		steps = append(steps, func() (client.Reply, error) { return s.hello("HELO") })
	case "started TLS":
		steps = append(steps, hello, startTLS)
	case "said EHLO in TLS":
		steps = append(steps, hello, startTLS, hello)
	case "come to where it may authenticate", "authenticated":
		steps = append(steps, hello)
		if s.declares(target.ExtStartTLS) {
			steps = append(steps, startTLS, hello)
		}
		if how == "authenticated" {
			steps = append(steps, s.proveIdentity)
		}
	}
	return steps
}

// connect opens a session to the port of role and reads the greeting. 0: 587 or, where that isn't served, another.
func (s *scenario) connect(ctx context.Context, role target.Role) error {
	s.silence()
	roles, err := s.cast(ctx)
	if err != nil {
		return err
	}
	s.tellRoles(roles)
	if role == 0 {
		role = s.anyPort()
	}
	dialer, err := s.dialer(server{port: role, source: netip.Addr{}})
	if err != nil {
		return err
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return err
	}
	s.talk = dialogue{conn: conn, name: dialer.Name, roles: roles}
	_, err = s.hear("")
	return err
}

// anyPort prefers the port of submission to that of transfer, and both to TLS from the start.
func (s *scenario) anyPort() target.Role {
	for _, role := range []target.Role{target.Port587, target.Port25, target.Port465} {
		if s.target.Address(role) != "" {
			return role
		}
	}
	return target.Port587
}

// silence ends the conversation without a word.
func (s *scenario) silence() {
	if s.talk.conn != nil {
		s.talk.conn.Close() // it is over either way
		s.talk.conn = nil
	}
}

// cast gives the roles of the target: its own, or those of a world that is made for this scenario.
func (s *scenario) cast(ctx context.Context) (*target.Roles, error) {
	if caster, ok := s.target.(target.Caster); ok {
		if roles := caster.Roles(); roles.Sender != "" {
			return &roles, nil
		}
	}
	if s.world.applied && s.talk.roles != nil {
		return s.talk.roles, nil
	}
	roles, err := s.company(ctx)
	if err != nil {
		return nil, err
	}
	return roles, s.ready(ctx)
}

// company makes a customer whose user may relay from this machine in clear text, and gives its roles.
func (s *scenario) company(ctx context.Context) (*target.Roles, error) {
	now, err := s.time(ctx)
	if err != nil {
		return nil, err
	}
	users := s.users("anna@acme.example, bert@acme.example")
	for i := range users {
		users[i].Tokens = []target.Token{{Value: fmt.Sprintf("ya29.%s.%d", s.namespace, i)}}
	}
	gone := target.Token{Value: "ya29." + s.namespace + ".expired", Expires: now.Add(-time.Hour)}
	users[0].Tokens = append(users[0].Tokens, gone)
	s.world.add(target.Customer{ID: s.customer("acme"), Licences: 100, Domains: []string{s.text("acme.example")}, Users: users})
	return &target.Roles{
		Client: s.text("client.elsewhere.example"), Sender: users[0].Address, Recipients: []string{"*@" + s.text("other.example")},
		User: users[0], Other: users[1], Expired: gone.Value,
	}, nil
}

// words fills in a line of the feature.
func (s *scenario) words() words {
	w := words{roles: *s.talk.roles, token: target.TokenMark + s.namespace + "-talk.", barred: s.barred()}
	if s.talk.conn != nil {
		w.announced = s.talk.conn.Capabilities()
	}
	return w
}

// barred tells whether the relay would relay for this client if it had authenticated, and doesn't: 235 says that it has.
// Source: RFC 4954 §4, §6.
func (s *scenario) barred() bool {
	accepts := func(h heard) bool { return h.reply.Code == 235 }
	return s.talk.roles.Authenticate && !slices.ContainsFunc(s.talk.heard, accepts)
}

// hear reads the reply to command.
func (s *scenario) hear(command string) (client.Reply, error) {
	if s.talk.conn == nil {
		return client.Reply{}, errors.New("no client has connected: a Given is missing")
	}
	reply, err := s.talk.conn.ReadReply()
	if err != nil {
		return reply, err
	}
	s.took(command, reply)
	return reply, nil
}

// took keeps a reply that was heard.
func (s *scenario) took(command string, reply client.Reply) {
	verb, _, _ := strings.Cut(command, " ")
	s.talk.heard = append(s.talk.heard, heard{strings.ToUpper(verb), reply})
}

// say says a line in lock-step.
func (s *scenario) say(line string) (client.Reply, error) {
	if s.talk.conn == nil {
		return client.Reply{}, errors.New("no client has connected: a Given is missing")
	}
	reply, err := s.talk.conn.Cmd(line)
	if err == nil {
		s.took(line, reply)
	}
	return reply, err
}

func (s *scenario) hello(verb string) (client.Reply, error) {
	return s.say(verb + " " + s.talk.roles.Client)
}

func (s *scenario) startTLS(ctx context.Context) (client.Reply, error) {
	if s.talk.conn.TLS() {
		return client.Reply{Code: 220, Lines: []string{"in TLS from the start"}}, nil
	}
	reply, err := s.say("STARTTLS")
	if err == nil && reply.Positive() {
		err = s.talk.conn.Handshake(ctx)
	}
	return reply, err
}

// proveIdentity authenticates as the user of the roles, with whatever password mechanism is announced.
func (s *scenario) proveIdentity() (client.Reply, error) {
	user := s.talk.roles.User
	if user.Address == "" {
		return client.Reply{}, errors.New("the target names nobody for {user}")
	}
	reply, err := s.talk.conn.Auth(user.Address, user.Password)
	if err == nil {
		s.took("AUTH", reply)
	}
	return reply, err
}

func hasBegun(ctx context.Context, recipients string) error {
	s := from(ctx)
	n := 1
	switch recipients {
	case "":
	case "no":
		n = 0
	default:
		n, _ = strconv.Atoi(recipients) // the expression lets only digits through
	}
	lines := []string{"MAIL FROM:<{sender}>"}
	for i := range n {
		lines = append(lines, fmt.Sprintf("RCPT TO:<{recipient%d}>", i+1))
	}
	return s.prepare(lines...)
}

func hasBegunMessage(ctx context.Context) error { return from(ctx).prepare("DATA") }

func hasSaid(ctx context.Context, line string) error { return from(ctx).prepare(line) }

// prepare says lines that the relay has to go along with for the scenario to tell anything.
func (s *scenario) prepare(lines ...string) error {
	for _, line := range lines {
		filled, err := s.words().fill(line)
		if err != nil {
			return err
		}
		reply, err := s.say(filled)
		if err != nil {
			return unprepared(err)
		}
		if !reply.Positive() && !reply.Intermediate() {
			return fmt.Errorf("what should be given doesn't hold: %s was refused: %s", s.plain(line), s.plain(reply.String()))
		}
	}
	s.talk.judged = len(s.talk.heard)
	return nil
}

func connects(ctx context.Context, port string) error {
	role, _ := strconv.Atoi(port) // the expression lets only ports through, or nothing
	return from(ctx).connect(ctx, target.Role(role))
}

func says(ctx context.Context, line string) error {
	s := from(ctx)
	filled, err := s.speak(line)
	if err == nil {
		_, err = s.say(filled)
	}
	return s.malformed(err)
}

func saysText(ctx context.Context, text *godog.DocString) error { return says(ctx, text.Content) }

func sends(ctx context.Context, octets string) error {
	s := from(ctx)
	filled, err := s.speak(octets)
	if err != nil {
		return err
	}
	return s.talk.conn.WriteRaw([]byte(filled))
}

// sendsTogether sends the lines of text, each with CRLF, in one write. A line that ends in a backslash goes without one.
func sendsTogether(ctx context.Context, text *godog.DocString) error {
	return sends(ctx, lined(text))
}

// lined is text with CRLF behind each line that doesn't end in a backslash.
func lined(text *godog.DocString) string {
	octets := strings.ReplaceAll(text.Content, "\n", `\r\n`) + `\r\n`
	return strings.ReplaceAll(octets, `\\r\n`, "")
}

func sendsTimes(ctx context.Context, times, octets string) error {
	n, err := count(times)
	if err != nil {
		return err
	}
	return sends(ctx, strings.Repeat(octets, n))
}

// sendsOctets sends what sendsTogether does, each octet in a write of its own: in a segment of its own, as far as a
// client can bring that about.
func sendsOctets(ctx context.Context, text *godog.DocString) error {
	s := from(ctx)
	filled, err := s.speak(lined(text))
	for i := 0; i < len(filled) && err == nil; i++ {
		err = s.talk.conn.WriteRaw([]byte(filled[i : i+1]))
	}
	return err
}

// most is the largest message in octets that a light run sends.
const most = 2 << 20

// relaysSized relays a message of so many octets in a whole transaction of its own. The reply that decided it is what the
// relay answers.
func relaysSized(ctx context.Context, octets string) error {
	s := from(ctx)
	filled, err := s.speak(octets)
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(filled)
	if err != nil {
		return fmt.Errorf("%q is no number of octets", filled)
	}
	if size > most && s.volume == VolumeLight {
		return &Missing{target.Volume}
	}
	recipient, err := s.words().role("recipient")
	if err != nil {
		return err
	}
	m := mail{sender: s.talk.roles.Sender, recipients: []string{recipient}}
	sized := client.Message{Sender: m.sender, Recipients: m.recipients, Write: m.padded(size)}
	outcome, err := s.talk.conn.Send(sized, client.Lockstep)
	if err == nil {
		s.took(".", outcome.Reply)
	}
	return err
}

// sendsMessage sends a whole message, with more text at its end, and the dot that ends it.
func sendsMessage(ctx context.Context, more string) error {
	return sends(ctx, "{message}"+more+`\r\n.\r\n`)
}

// speak fills in what a When says, and begins a new round of replies.
func (s *scenario) speak(text string) (string, error) {
	if s.talk.conn == nil {
		return "", errors.New("no client has connected: a Given is missing")
	}
	filled, err := s.words().fill(text)
	if err != nil {
		return "", err
	}
	s.talk.judged, s.talk.said = len(s.talk.heard), text
	return filled, nil
}

func beginsTLS(ctx context.Context) error {
	s := from(ctx)
	err := s.talk.conn.Handshake(ctx)
	var broken tls.RecordHeaderError
	if errors.As(err, &broken) {
		return &Failure{Want: "the TLS handshake", Got: "octets that are no TLS"}
	}
	return err
}

func drops(ctx context.Context) error {
	s := from(ctx)
	conn := s.talk.conn
	if conn == nil {
		return errors.New("no client has connected: a Given is missing")
	}
	s.talk.conn = nil
	return conn.Drop()
}

// namesRecipients says RCPT for so many recipients, in lock-step.
func namesRecipients(ctx context.Context, number string) error {
	n, err := count(number)
	if err != nil {
		return err
	}
	s := from(ctx)
	if _, err := s.speak("RCPT TO:<{recipient}>"); err != nil {
		return err
	}
	for i := range n {
		line, err := s.words().fill(fmt.Sprintf("RCPT TO:<{recipient%d}>", i+1))
		if err == nil {
			_, err = s.say(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
