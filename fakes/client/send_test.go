package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var twoRecipients = Message{Sender: "a@x", Recipients: []string{"b@y", "c@y"}, Data: []byte("Subject: t\r\n\r\n.hi\r\n")}

func reply(code int, text string) Reply { return Reply{Code: code, Lines: []string{text}} }

// sendCase is a transaction with a relay that plays script; behind it the session must still work.
type sendCase struct {
	name   string
	m      Message
	script string
	want   Outcome
}

func lockstepCases() []sendCase {
	return []sendCase{
		{"accepted", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: RCPT TO:<b@y>
			S: 250 ok
			C: RCPT TO:<c@y>
			S: 251 forwards
			C: DATA
			S: 354 go
			C: Subject: t
			C: 
			C: ..hi
			C: .
			S: 250 2.0.0 queued`,
			Outcome{true, EndOfData, reply(250, "2.0.0 queued"), []Reply{reply(250, "ok"), reply(251, "forwards")}}},
		{"parameters", Message{Recipients: []string{"b@y"}, Data: []byte("x\r\n"), SizeParam: true, Body8bit: true, Parameters: "RET=HDRS"}, `
			C: MAIL FROM:<> SIZE=3 BODY=8BITMIME RET=HDRS
			S: 552 5.3.4 no`,
			Outcome{false, Mail, reply(552, "5.3.4 no"), nil}},
		{"size as told", Message{SizeParam: true, Size: 999}, `
			C: MAIL FROM:<> SIZE=999
			S: 552 5.3.4 no`,
			Outcome{false, Mail, reply(552, "5.3.4 no"), nil}},
		{"MAIL refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 550 5.7.0 denied`,
			Outcome{false, Mail, reply(550, "5.7.0 denied"), nil}},
		{"one recipient refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: RCPT TO:<b@y>
			S: 550 no such
			C: RCPT TO:<c@y>
			S: 250 ok
			C: DATA
			S: 354 go
			C: Subject: t
			C: 
			C: ..hi
			C: .
			S: 250 queued`,
			Outcome{true, EndOfData, reply(250, "queued"), []Reply{reply(550, "no such"), reply(250, "ok")}}},
		{"every recipient refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: RCPT TO:<b@y>
			S: 450 later
			C: RCPT TO:<c@y>
			S: 550 never
			C: RSET
			S: 250 ok`,
			Outcome{false, Rcpt, reply(450, "later"), []Reply{reply(450, "later"), reply(550, "never")}}},
		{"DATA refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: RCPT TO:<b@y>
			S: 250 ok
			C: RCPT TO:<c@y>
			S: 250 ok
			C: DATA
			S: 550 5.4.5 limit
			C: RSET
			S: 250 ok`,
			Outcome{false, Data, reply(550, "5.4.5 limit"), []Reply{reply(250, "ok"), reply(250, "ok")}}},
		{"final dot refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: RCPT TO:<b@y>
			S: 250 ok
			C: RCPT TO:<c@y>
			S: 250 ok
			C: DATA
			S: 354 go
			C: Subject: t
			C: 
			C: ..hi
			C: .
			S: 554 5.6.0 no`,
			Outcome{false, EndOfData, reply(554, "5.6.0 no"), []Reply{reply(250, "ok"), reply(250, "ok")}}},
		{"nobody to send to", Message{Sender: "a@x"}, `
			C: MAIL FROM:<a@x>
			S: 250 ok
			C: DATA
			S: 503 5.5.1 RCPT first
			C: RSET
			S: 250 ok`,
			Outcome{false, Data, reply(503, "5.5.1 RCPT first"), nil}},
	}
}

func pipelinedCases() []sendCase {
	return []sendCase{
		{"accepted", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 452 enough
			S: 354 go
			C: Subject: t
			C: 
			C: ..hi
			C: .
			S: 250 queued`,
			Outcome{true, EndOfData, reply(250, "queued"), []Reply{reply(250, "ok"), reply(452, "enough")}}},
		{"MAIL refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 550 denied
			S: 503 MAIL first
			S: 503 MAIL first
			S: 503 RCPT first`,
			Outcome{false, Mail, reply(550, "denied"), []Reply{reply(503, "MAIL first"), reply(503, "MAIL first")}}},
		{"every recipient refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 250 ok
			S: 550 no
			S: 551 no
			S: 503 RCPT first
			C: RSET
			S: 250 ok`,
			Outcome{false, Rcpt, reply(550, "no"), []Reply{reply(550, "no"), reply(551, "no")}}},
		{"354 although nobody is there", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 250 ok
			S: 550 no
			S: 550 no
			S: 354 go
			C: .
			S: 554 no valid recipients`,
			Outcome{false, Rcpt, reply(550, "no"), []Reply{reply(550, "no"), reply(550, "no")}}},
		{"354 after MAIL was refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 550 no
			S: 250 ok
			S: 250 ok
			S: 354 go
			C: .
			S: 250 what a relay`,
			Outcome{false, Mail, reply(550, "no"), []Reply{reply(250, "ok"), reply(250, "ok")}}},
		{"DATA refused", twoRecipients, `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 250 ok
			S: 450 4.2.1 Peak
			C: RSET
			S: 250 ok`,
			Outcome{false, Data, reply(450, "4.2.1 Peak"), []Reply{reply(250, "ok"), reply(250, "ok")}}},
	}
}

func TestSend(t *testing.T) {
	for mode, cases := range map[Mode][]sendCase{Lockstep: lockstepCases(), Pipelined: pipelinedCases()} {
		for _, tt := range cases {
			t.Run(fmt.Sprint(mode, " ", tt.name), func(t *testing.T) {
				c := greeted(t, strings.TrimSpace(tt.script)+"\nC: NOOP\nS: 250 still here")
				got, err := c.Send(tt.m, mode)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
				must(t)(c.Cmd("NOOP"))
				script := "S: 220 ready\n" + lines(tt.script) + "C: NOOP\nS: 250 still here\n"
				script = strings.ReplaceAll(script, "C: \n", "C:\n")
				if diff := cmp.Diff(script, said(c.log)); mode == Lockstep && diff != "" {
					t.Errorf("transcript (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// 421 ends the session wherever it comes, and nothing more is said.
func TestSendMeets421(t *testing.T) {
	tests := []struct {
		name   string
		mode   Mode
		script string
		want   Stage
	}{
		{"MAIL", Lockstep, "C: MAIL FROM:<a@x>\nS: 421 4.7.0 bye\nEOF", Mail},
		{"RCPT", Lockstep, "C: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 421 4.7.0 bye\nEOF", Rcpt},
		{"pipelined MAIL", Pipelined, "C: MAIL FROM:<a@x>\nS: 421 4.7.0 bye", Mail},
		{"pipelined RCPT", Pipelined, "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\nS: 250 ok\nS: 421 4.7.0 bye", Rcpt},
		{"pipelined DATA", Pipelined, "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 421 4.7.0 bye", Data},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := greeted(t, tt.script)
			got, err := c.Send(twoRecipients, tt.mode)
			if err != nil || got.Accepted || got.Stage != tt.want || got.Reply.Code != 421 {
				t.Errorf("got %+v, %v", got, err)
			}
			c.Close()
		})
	}
}

func TestSendThatBreaksOff(t *testing.T) {
	tests := []struct {
		name, script string
		want         Stage
	}{
		{"MAIL", "C: MAIL FROM:<a@x>", Mail},
		{"RCPT", "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\nS: 250 ok\nS: 250 ok", Rcpt},
		{"DATA", "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok", Data},
		{"dot", "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Subject: t\nC: \nC: ..hi\nC: .", EndOfData},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := greeted(t, tt.script)
			got, err := c.Send(twoRecipients, Pipelined)
			var wrong *ProtocolError
			if !errors.As(err, &wrong) || !Ended(err) || got.Stage != tt.want || got.Accepted {
				t.Errorf("got %+v, %v; want the end at %s", got, err, tt.want)
			}
		})
	}
}

func TestSendFromWriter(t *testing.T) {
	script := "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go\n"
	m := Message{Recipients: []string{"b@y"}}
	c := greeted(t, script+"C: one\nC: ..two\nC: .\nS: 250 ok")
	m.Write = func(w io.Writer) error { _, err := io.WriteString(w, "one\r\n.two"); return err }
	if got, err := c.Send(m, Lockstep); err != nil || !got.Accepted {
		t.Errorf("got %+v, %v", got, err)
	}
	broken := errors.New("disk is gone")
	c = greeted(t, script+"EOF")
	m.Write = func(w io.Writer) error { io.WriteString(w, "one\r\n"); return broken }
	if got, err := c.Send(m, Lockstep); !errors.Is(err, broken) || got.Stage != EndOfData {
		t.Errorf("got %+v, %v; want the writer's own error", got, err)
	}
}

// A relay that refuses large content while it is being sent, and closes, is heard.
func TestRefusalInTheMiddleOfTheContent(t *testing.T) {
	c := greeted(t, "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go\nC: x\nS: 421 4.3.0 too much")
	data := append([]byte("x\r\n"), bytes.Repeat([]byte("0123456789abcdef\r\n"), 4<<20/18)...)
	got, err := c.Send(Message{Recipients: []string{"b@y"}, Data: data}, Lockstep)
	if err == nil && (got.Stage != EndOfData || got.Reply.Code != 421) {
		t.Errorf("got %+v", got)
	}
	if err != nil && !Ended(err) { // the system may have thrown the reply away with the connection
		t.Errorf("got %v", err)
	}
}

func TestLongContentIsCountedInTheTranscript(t *testing.T) {
	data := bytes.Repeat([]byte("a line\r\n"), 1000)
	c := greeted(t, "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go\n"+strings.Repeat("C: a line\n", 1000)+"C: .\nS: 250 ok")
	if got, err := c.Send(Message{Recipients: []string{"b@y"}, Data: data}, Lockstep); err != nil || !got.Accepted {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := said(c.log); !strings.Contains(got, "#: content of 8000 octets\nC: .\nS: 250 ok\n") {
		t.Errorf("transcript\n%s", got)
	}
}

func TestContentThatIsNoLinesIsRawInTheTranscript(t *testing.T) {
	c := greeted(t, "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go\nC~ \"a\\n\"\nC: b\nC: .\nS: 250 ok")
	c.Send(Message{Recipients: []string{"b@y"}, Data: []byte("a\nb\r\n")}, Lockstep)
	if got := said(c.log); !strings.Contains(got, `R: "a\nb\r\n"`) {
		t.Errorf("transcript\n%s", got)
	}
}
