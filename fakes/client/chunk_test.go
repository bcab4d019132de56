package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/reports/transcript"
)

// chunk is what twoRecipients are sent as: all of it before the first reply.
const chunk = `
			C: MAIL FROM:<a@x>
			C: RCPT TO:<b@y>
			C: RCPT TO:<c@y>
			C: BDAT 19 LAST
			C: Subject: t
			C: 
			C: .hi
`

func TestSendChunked(t *testing.T) {
	for _, tt := range []sendCase{
		{"accepted", twoRecipients, chunk + `
			S: 250 ok
			S: 250 ok
			S: 452 enough
			S: 250 queued`,
			Outcome{true, EndOfData, reply(250, "queued"), []Reply{reply(250, "ok"), reply(452, "enough")}}},
		{"MAIL refused", twoRecipients, chunk + `
			S: 550 denied
			S: 503 MAIL first
			S: 503 MAIL first
			S: 503 RCPT first`,
			Outcome{false, Mail, reply(550, "denied"), []Reply{reply(503, "MAIL first"), reply(503, "MAIL first")}}},
		{"every recipient refused", twoRecipients, chunk + `
			S: 250 ok
			S: 550 no
			S: 551 no
			S: 503 RCPT first
			C: RSET
			S: 250 ok`,
			Outcome{false, Rcpt, reply(550, "no"), []Reply{reply(550, "no"), reply(551, "no")}}},
		{"accepted although nobody is there", twoRecipients, chunk + `
			S: 250 ok
			S: 550 no
			S: 550 no
			S: 250 what a relay`,
			Outcome{false, Rcpt, reply(550, "no"), []Reply{reply(550, "no"), reply(550, "no")}}},
		{"chunk refused", twoRecipients, chunk + `
			S: 250 ok
			S: 250 ok
			S: 250 ok
			S: 450 4.2.1 Peak
			C: RSET
			S: 250 ok`,
			Outcome{false, EndOfData, reply(450, "4.2.1 Peak"), []Reply{reply(250, "ok"), reply(250, "ok")}}},
		{"nobody to send to, and nothing", Message{Sender: "a@x"}, `
			C: MAIL FROM:<a@x>
			C: BDAT 0 LAST
			S: 250 ok
			S: 503 RCPT first
			C: RSET
			S: 250 ok`,
			Outcome{false, EndOfData, reply(503, "RCPT first"), nil}},
		{"octets that are no lines, counted and sent as they are",
			Message{Sender: "a@x", Recipients: []string{"b@y"}, Data: []byte(".\n.\r\n\x00\n"), SizeParam: true, Parameters: "BODY=BINARYMIME"}, `
			C: MAIL FROM:<a@x> SIZE=7 BODY=BINARYMIME
			C: RCPT TO:<b@y>
			C: BDAT 7 LAST
			C~ ".\n"
			C~ ".\r\n"
			C~ "\x00\n"
			S: 250 ok
			S: 250 ok
			S: 250 queued`,
			Outcome{true, EndOfData, reply(250, "queued"), []Reply{reply(250, "ok")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := greeted(t, strings.TrimSpace(tt.script)+"\nC: NOOP\nS: 250 still here")
			got, err := c.Send(tt.m, Chunked)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			must(t)(c.Cmd("NOOP")) // the session is in step
		})
	}
}

func TestSendChunkedMeetsTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name, replies string
		want          Stage
		over          bool // by a 421 that was said
	}{
		{"421 to MAIL", "\nS: 421 4.7.0 bye", Mail, true},
		{"421 to RCPT", "\nS: 250 ok\nS: 421 4.7.0 bye", Rcpt, true},
		{"421 to BDAT", "\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 421 4.7.0 bye", EndOfData, true},
		{"nothing to MAIL", "", Mail, false},
		{"nothing to RCPT", "\nS: 250 ok", Rcpt, false},
		{"nothing to BDAT", "\nS: 250 ok\nS: 250 ok\nS: 250 ok", EndOfData, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := greeted(t, strings.TrimSpace(chunk)+tt.replies)
			got, err := c.Send(twoRecipients, Chunked)
			if got.Stage != tt.want || got.Accepted {
				t.Errorf("got %+v, want the end at %s", got, tt.want)
			}
			if tt.over != (err == nil && got.Reply.Code == 421) || !tt.over && !Ended(err) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestSendChunkedFromWriter(t *testing.T) {
	m := Message{Recipients: []string{"b@y"}, Write: func(w io.Writer) error { _, err := io.WriteString(w, ".one\r\n"); return err }}
	c := greeted(t, "C: MAIL FROM:<>\nC: RCPT TO:<b@y>\nC: BDAT 6 LAST\nC: .one\nS: 250 ok\nS: 250 ok\nS: 250 ok")
	if got, err := c.Send(m, Chunked); err != nil || !got.Accepted {
		t.Errorf("got %+v, %v", got, err)
	}
	broken := errors.New("disk is gone")
	m.Write = func(io.Writer) error { return broken }
	if got, err := greeted(t, "EOF").Send(m, Chunked); !errors.Is(err, broken) || got.Accepted {
		t.Errorf("got %+v, %v; want the writer's own error", got, err)
	}
}

func TestChunkInTheTranscript(t *testing.T) {
	c := greeted(t, strings.TrimSpace(chunk)+"\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok")
	if _, err := c.Send(twoRecipients, Chunked); err != nil {
		t.Fatal(err)
	}
	if got, want := said(c.log), "C: BDAT 19 LAST\nR: \"Subject: t\\r\\n\\r\\n.hi\\r\\n\"\nS: 250 ok\n"; !strings.Contains(got, want) {
		t.Errorf("transcript\n%s\nwant in it\n%s", got, want)
	}
}

func TestSendManyChunked(t *testing.T) {
	messages := []Message{
		fromSender("a@x"), fromSender("mail550@x"), fromSender("b@x", "rcpt550@y"), fromSender("data450@x"), fromSender("dot554@x"),
		fromSender("c@x", "rcpt550@y", "c@y"), fromSender("d@x"), fromSender("data421@x"), fromSender("e@x"),
	}
	for _, tt := range []struct {
		name, announces string
		stage           Stage // at which what begins with data is refused
		accepted        []string
		trips           int // at most: greeting, EHLO, one a message and one a RSET, the end
	}{
		{"announced", "PIPELINING CHUNKING", EndOfData, []string{"a@x", "c@x", "d@x"}, 3 + 8 + 3},
		{"no pipelining", "CHUNKING", Data, []string{"a@x", "c@x", "d@x"}, 1000},
		{"no chunks", "PIPELINING", Data, []string{"a@x", "c@x", "d@x"}, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			relay := &quickRelay{announces: tt.announces}
			c, stop := quick(t, relay, nil)
			var got []string
			err := c.SendManyChunked(context.Background(), len(messages),
				func(i int) Message { return messages[i] },
				func(i int, o Outcome) bool { got = append(got, summary(i, o)); return true })
			stop()
			if !errors.Is(err, ErrSessionOver) {
				t.Errorf("got %v, want %v", err, ErrSessionOver)
			}
			want := []string{
				"0 true end-of-data 250/0", "1 false mail 550", "2 false rcpt 550/1", fmt.Sprintf("3 false %s 450/0", tt.stage),
				"4 false end-of-data 554/0", "5 true end-of-data 250/1", "6 true end-of-data 250/0", fmt.Sprintf("7 false %s 421/0", tt.stage),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.accepted, relay.accepted); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if relay.trips > tt.trips {
				t.Errorf("%d round trips, want at most %d", relay.trips, tt.trips)
			}
		})
	}
}

// Transactions that don't fit into a buffer are written while the replies are read; a stop leaves the session in step.
func TestSendManyChunkedLarge(t *testing.T) {
	const count = 20
	relay := &quickRelay{announces: "PIPELINING CHUNKING"}
	c, stop := quick(t, relay, &transcript.Transcript{})
	m := Message{Sender: "a@x", Data: bytes.Repeat([]byte("0123456789\r\n"), 100_000)}
	for i := range 5_000 {
		m.Recipients = append(m.Recipients, fmt.Sprintf("somebody-with-a-name-%d@recipients.example", i))
	}
	told := 0
	err := c.SendManyChunked(context.Background(), -1, func(int) Message { return m }, func(i int, o Outcome) bool {
		told++
		return o.Accepted && i+1 < count
	})
	if err != nil {
		t.Fatal(err)
	}
	must(t)(c.Cmd("NOOP"))
	stop()
	if told != count || relay.octets != count*len(m.Data) || relay.rcpts != count*len(m.Recipients) {
		t.Errorf("told %d, %d octets for %d recipients", told, relay.octets, relay.rcpts)
	}
}

// A server that isn't ours takes the chunks octet by octet, and stays in step when it refuses.
func TestChunksAtGoSMTP(t *testing.T) {
	sink, err := mx.Start(mx.Options{Refuse: func(_, recipient string) *smtp.SMTPError {
		if recipient == "no@y" {
			return &smtp.SMTPError{Code: 550, Message: "no"}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	c, err := (&Dialer{Address: sink.Address(), Timeout: 10 * time.Second}).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	must(t)(c.ReadReply())
	must(t)(c.Hello("x.example"))
	data := []byte(".\r\n..\r\nQUIT\r\n\x00\xff no line end")
	to := []string{"b@y", "no@y", "c@y"}
	var got []string
	err = c.SendManyChunked(context.Background(), len(to),
		func(i int) Message { return Message{Sender: "a@x", Recipients: to[i : i+1], Data: data} },
		func(i int, o Outcome) bool { got = append(got, summary(i, o)); return true })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0 true end-of-data 250/0", "1 false rcpt 550/1", "2 true end-of-data 250/0"}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	arrived := sink.All()
	if len(arrived) != 2 || !bytes.Equal(arrived[0].Data, data) || !bytes.Equal(arrived[1].Data, data) {
		t.Errorf("arrived: %q", arrived)
	}
}
