package doctor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// skewed is how far the relay's clock may be off before it is worth a word, and before it is a fault.
const (
	skewed    = 2 * time.Minute
	farSkewed = time.Hour
)

// message sends a message through the first port that took an envelope, and waits for it at the sink.
func (e *examination) message() {
	switch {
	case e.Bare:
		e.say(0, "sink", Skipped, "without a profile no message is sent", unwritten)
		return
	case e.Deliveries == nil:
		e.say(0, "sink", Skipped, "the profile has no sink", "Write sink: {listen: \"127.0.0.1:0\"} and have the relay deliver there, so that what it delivers can be judged")
		return
	case e.Roles.Sender == "":
		e.say(0, "sink", Skipped, "no roles say who sends a message there to whom", "Write roles: {sender: ADDRESS, recipients: [\"*@DOMAIN\"]}")
		return
	case e.mail == 0:
		e.say(0, "sink", Skipped, "no port takes a message to send there", "Mend what failed above")
		return
	}
	token := target.TokenMark + "doctor-" + rand.Text()
	sent := time.Now()
	reply, err := e.send(token)
	if err != nil || !reply.Positive() {
		found := reply.String()
		if err != nil {
			found = client.Explain(err)
		}
		e.say(e.mail, "message", Failure, "it isn't taken: "+found, e.wanting(reply, "See the relay's log"))
		return
	}
	e.say(e.mail, "message", OK, reply.String(), "")
	ctx, cancel := context.WithTimeout(e.ctx, e.wait())
	defer cancel()
	delivered, err := e.Deliveries.Delivered(ctx, token, e.wait())
	if len(delivered) == 0 {
		found := fmt.Sprintf("the message was taken and didn't arrive at %s within %s", e.Sink, e.wait())
		if err != nil && e.ctx.Err() != nil {
			found = err.Error()
		}
		e.say(0, "sink", Failure, found, "Have the relay deliver everything to the sink: {sink} in the command that starts it, or its next hop in its configuration. See its queue and its log")
		return
	}
	e.say(0, "sink", OK, fmt.Sprintf("the message arrived at %s %s", e.Sink, took(sent)), "")
	e.skew(delivered[0].Data, sent)
}

// send sends a message with token, as its envelope was tried: in TLS where that can be had.
func (e *examination) send(token string) (client.Reply, error) {
	conn, err := e.lenient(e.mail).Dial(e.ctx)
	if err != nil {
		return client.Reply{}, err
	}
	defer conn.Close()
	conn.Until(e.ctx)
	if reply, err := e.begin(conn); err != nil || !reply.Positive() {
		return reply, err
	}
	data := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nDate: %s\r\nMessage-ID: <%s@doctor.invalid>\r\nSubject: relayspec doctor\r\n\r\n%s.\r\n",
		e.Roles.Sender, e.recipient(), time.Now().Format(time.RFC1123Z), rand.Text(), token)
	came, err := conn.Send(client.Message{Sender: e.Roles.Sender, Recipients: []string{e.recipient()}, Data: []byte(data)}, client.Lockstep)
	if err == nil {
		conn.Quit()
	}
	return came.Reply, err
}

// begin goes up to where the relay takes mail: to EHLO, in TLS where that is offered, and to AUTH where sessions are to.
func (e *examination) begin(conn *client.Conn) (client.Reply, error) {
	well := func(reply client.Reply, err error) bool { return err == nil && reply.Positive() }
	reply, err := conn.ReadReply()
	if well(reply, err) {
		reply, err = conn.Hello(e.hello())
	}
	if well(reply, err) && !conn.TLS() && conn.Capabilities().Has("STARTTLS") {
		reply, err = e.encrypt(conn)
	}
	if well(reply, err) && e.Roles.Authenticate && (conn.TLS() || loopback(e.Dialers[e.mail].Address)) {
		reply, err = conn.Auth(e.Roles.User.Address, e.Roles.User.Password)
	}
	return reply, err
}

// encrypt begins TLS. A relay that refuses what it offers, which is told already, has the message in clear text, as it had the
// envelope, but for a password.
func (e *examination) encrypt(conn *client.Conn) (client.Reply, error) {
	reply, err := conn.StartTLS(e.ctx)
	if err != nil || !reply.Positive() && e.Roles.Authenticate {
		return reply, err
	}
	return conn.Hello(e.hello())
}

// skew compares the date in the relay's trace field with this machine's. Source: RFC 5321 §4.4.
func (e *examination) skew(data []byte, sent time.Time) {
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(data))).ReadMIMEHeader()
	received := header.Get("Received")
	at := strings.LastIndexByte(received, ';')
	if err != nil && len(header) == 0 || at < 0 {
		e.say(0, "clock", Skipped, "the message has no Received field with a date", "A relay must add one (RFC 5321 §4.4)")
		return
	}
	stamped, err := mail.ParseDate(strings.TrimSpace(received[at+1:]))
	if err != nil {
		e.say(0, "clock", Warning, "the date of its Received field can't be read: "+err.Error(), "A relay writes it as RFC 5322 §3.3 says")
		return
	}
	const todo = "Set the clocks right, here and there (NTP). A relay whose clock is moved on purpose is off for good"
	off := stamped.Sub(sent)
	switch {
	case e.Moved:
		e.say(0, "clock", OK, "the relay's clock is moved on purpose; it is off by "+off.Round(time.Second).String(), "")
	case off.Abs() > farSkewed:
		e.say(0, "clock", Failure, "the relay's clock is off by "+off.Round(time.Second).String(), todo)
	case off.Abs() > skewed:
		e.say(0, "clock", Warning, "the relay's clock is off by "+off.Round(time.Second).String(), todo)
	default:
		e.say(0, "clock", OK, "the relay's clock agrees with this machine's", "")
	}
}
