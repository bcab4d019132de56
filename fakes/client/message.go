package client

import (
	"io"
	"strconv"
)

// Message is one mail transaction. Nothing in it is checked: the relay is to.
type Message struct {
	Sender     string   // reverse-path as between < and >; "" is <>
	Recipients []string // forward-paths as between < and >
	// Data is the content. It is sent as it is but for the dots that RFC 5321 §4.5.2 adds behind CRLF, and a CRLF at the
	// end where it lacks; a bare CR or LF stays what it is. In a chunk it is sent as it is.
	Data []byte
	// Write writes the content in place of Data. Its error breaks the session off: a dot would make half a message of it.
	// What goes into a chunk is kept in memory first, for its length stands in front of it.
	Write func(w io.Writer) error

	SizeParam  bool   // MAIL says SIZE=. Source: RFC 1870 §3
	Size       int64  // octets that SIZE says; 0: those of Data
	Body8bit   bool   // MAIL says BODY=8BITMIME. Source: RFC 6152 §2
	Parameters string // further parameters of MAIL, as they are
}

// Mode is how a transaction is sent.
type Mode string

// The modes.
const (
	Lockstep  Mode = "lockstep"  // each command waits for the reply to the one before
	Pipelined Mode = "pipelined" // MAIL, every RCPT and DATA in one write. Source: RFC 2920 §3.1
	// Chunked is MAIL, every RCPT and one BDAT LAST with the content in one write: one round trip. A relay that refuses the
	// chunk swallows it. Source: RFC 3030 §2 and §4.2
	Chunked Mode = "chunked"
)

// Stage is a point of the dialogue at which a relay may refuse.
type Stage string

// The stages, in the order of a session. Send decides at the last four; the others are for whoever opens the session.
const (
	Connect   Stage = "connect"     // the greeting
	Hello     Stage = "hello"       // the reply to EHLO or HELO
	Auth      Stage = "auth"        // the verdict on AUTH
	Mail      Stage = "mail"        // the reply to MAIL
	Rcpt      Stage = "rcpt"        // the reply to RCPT: every recipient was refused, or 421
	Data      Stage = "data"        // the reply to DATA
	EndOfData Stage = "end-of-data" // the reply to the final dot, or to the last chunk
)

// Outcome is how a transaction ended.
type Outcome struct {
	Accepted   bool    // the final dot, or the last chunk, got a 2yz reply
	Stage      Stage   // where it was decided; with an error: what was being waited for
	Reply      Reply   // the first refusal that decided it, or the reply that accepted it
	Recipients []Reply // the replies to RCPT, in order; fewer than recipients when the transaction ended before
}

// Refused tells how many RCPT were refused.
func (o Outcome) Refused() int {
	refused := 0
	for _, reply := range o.Recipients {
		if !reply.Positive() {
			refused++
		}
	}
	return refused
}

func (o *Outcome) decided() bool { return o.Reply.Code != 0 }

// over tells whether the relay ended the session. Source: RFC 5321 §3.8.
func (o *Outcome) over() bool { return o.Reply.Code == 421 }

// decide settles the outcome unless an earlier reply did.
func (o *Outcome) decide(stage Stage, reply Reply) {
	if !o.decided() {
		o.Stage, o.Reply = stage, reply
	}
}

// mail takes the reply to MAIL.
func (o *Outcome) mail(reply Reply) {
	if !reply.Positive() {
		o.decide(Mail, reply)
	}
}

// rcpt takes the reply to one RCPT. A refused recipient doesn't end the transaction, 421 does.
func (o *Outcome) rcpt(reply Reply) {
	o.Recipients = append(o.Recipients, reply)
	if reply.Code == 421 {
		o.decide(Rcpt, reply)
	}
}

// rcptsDone decides when every recipient was refused. Without any RCPT the relay is left to say what it thinks of DATA.
func (o *Outcome) rcptsDone() {
	if len(o.Recipients) > 0 && o.Refused() == len(o.Recipients) {
		o.decide(Rcpt, o.Recipients[0])
	}
}

// data takes the reply to DATA and tells whether the content is awaited.
func (o *Outcome) data(reply Reply) bool {
	if reply.Code != 354 {
		o.decide(Data, reply)
		return false
	}
	return true
}

// endOfData takes the reply to the final dot or to the last chunk.
func (o *Outcome) endOfData(reply Reply) {
	o.Accepted = reply.Positive() && !o.decided()
	o.decide(EndOfData, reply)
}

// appendMail adds the MAIL command without its CRLF to dst.
func (m *Message) appendMail(dst []byte) []byte {
	dst = append(dst, "MAIL FROM:<"...)
	dst = append(dst, m.Sender...)
	dst = append(dst, '>')
	if m.SizeParam {
		dst = append(dst, " SIZE="...)
		dst = strconv.AppendInt(dst, m.size(), 10)
	}
	if m.Body8bit {
		dst = append(dst, " BODY=8BITMIME"...)
	}
	if m.Parameters != "" {
		dst = append(dst, ' ')
		dst = append(dst, m.Parameters...)
	}
	return dst
}

func appendRcpt(dst []byte, recipient string) []byte {
	dst = append(dst, "RCPT TO:<"...)
	dst = append(dst, recipient...)
	return append(dst, '>')
}

func (m *Message) size() int64 {
	if m.Size > 0 {
		return m.Size
	}
	return int64(len(m.Data))
}
