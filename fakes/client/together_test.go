package client

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

func TestPut(t *testing.T) {
	c := greeted(t, `
		C: MAIL FROM:<a@x>
		C: RCPT TO:<b@y>
		C: DATA
		S: 250 ok
		S: 550 no
		S: 354 go
		C: ..one
		C: .
		C: QUIT
		S: 250 queued
		S: 221 bye`)
	c.SetTimeout(5 * time.Second)
	c.Put(0, Part{Line: "MAIL FROM:<a@x>"}, Part{Line: "RCPT TO:<b@y>"}, Part{Line: "DATA"})
	var codes []int
	for _, command := range []string{"MAIL", "RCPT", "DATA"} {
		codes = append(codes, must(t)(c.Await(command)).Code)
	}
	c.Put(time.Second, Part{Dotted: true, Content: []byte(".one")}, Part{Line: "QUIT"})
	codes = append(codes, must(t)(c.Await(".")).Code, must(t)(c.Await("QUIT")).Code)
	c.Settle()
	if got := fmt.Sprint(codes); got != "[250 550 354 250 221]" {
		t.Errorf("replies %s", got)
	}
}

func TestPutChunk(t *testing.T) {
	c := greeted(t, "C: BDAT 6 LAST\nC~ \".\\n\"\nC~ \"one\\n\"\nC: BDAT 0 LAST\nS: 250 ok\nS: 250 ok")
	c.Put(0, Part{Chunked: true, Chunk: []byte(".\none\n")}, Part{Chunked: true})
	must(t)(c.Await("BDAT"))
	must(t)(c.Await("BDAT"))
}

// More than the relay takes before its replies are read: neither side waits for the other.
func TestPutLarge(t *testing.T) {
	const count = 20_000
	relay := &quickRelay{announces: "PIPELINING CHUNKING"}
	c, stop := quick(t, relay, &transcript.Transcript{})
	parts := []Part{{Line: "MAIL FROM:<a@x>"}}
	for i := range count {
		parts = append(parts, Part{Line: fmt.Sprintf("RCPT TO:<somebody-with-a-name-%d@recipients.example>", i)})
	}
	parts = append(parts, Part{Chunked: true, Chunk: bytes.Repeat([]byte("0123456789\r\n"), 100_000)})
	c.Put(-1, parts...)
	for range parts {
		must(t)(c.Await("RCPT"))
	}
	c.Settle()
	must(t)(c.Cmd("NOOP"))
	stop()
	if relay.rcpts != count || relay.octets != 1_200_000 {
		t.Errorf("%d recipients, %d octets", relay.rcpts, relay.octets)
	}
}

// A relay that reads nothing is given up in time, and so is one whose replies nobody awaits.
func TestPutIsGivenUp(t *testing.T) {
	large := Part{Chunked: true, Chunk: make([]byte, 64<<20)}
	c := greeted(t, "C: MAIL FROM:<a@x>\nC: BDAT 67108864 LAST\nS: 250 ok\nS: 421 4.7.0 bye")
	c.Put(-1, Part{Line: "MAIL FROM:<a@x>"}, large)
	must(t)(c.Await("MAIL"))
	if reply := must(t)(c.Await("BDAT")); reply.Code != 421 {
		t.Errorf("got %v", reply)
	}
	c.GiveUp()
	if _, err := c.Cmd("NOOP"); err == nil {
		t.Error("the session goes on in the middle of a chunk")
	}
}
