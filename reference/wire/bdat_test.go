package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/reference/policy"
)

// envelope begins a transaction in the tests of bodies.
const envelope = "MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\n"

// chunked cuts a message into BDATs of these sizes; what is left goes with LAST.
func chunked(message []byte, sizes []byte) []byte {
	var out []byte
	for _, size := range sizes {
		n := min(int(size), len(message))
		out = fmt.Appendf(out, "BDAT %d\r\n%s", n, message[:n])
		message = message[n:]
	}
	return fmt.Appendf(out, "BDAT %d LAST\r\n%s", len(message), message)
}

// codes are the codes of the replies, one a reply.
func codes(written []byte) (list []string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(written), "\r\n"), "\r\n") {
		if line[3] == ' ' {
			list = append(list, line[:3])
		}
	}
	return list
}

// Any message arrives as it was, however it is cut into chunks and segments, or it is refused and nothing of it is a
// command. Whatever it is, one reply a BDAT.
func TestChunksArriveIdentical(t *testing.T) {
	piece := rapid.SampledFrom([]string{"", ".", "..", "abc", "QUIT", "\r\n", "\r\n", "\r\n", "\r\n.\r\n", "\r", "\n", "\x00"})
	rapid.Check(t, func(t *rapid.T) {
		message := strings.Join(rapid.SliceOf(piece).Draw(t, "message"), "")
		sizes := rapid.SliceOf(rapid.ByteMax(9)).Draw(t, "chunks")
		cuts := rapid.SliceOf(rapid.ByteMax(20)).Draw(t, "cuts")
		engine := &scripted{}
		config := Config{Engine: engine, Replies: replies(), Capabilities: capabilities()}
		server, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		data := append([]byte("HELO a\r\n"+envelope), chunked([]byte(message), sizes)...)
		conn := playing(append(data, "NOOP\r\n"...), cuts)
		runSession(server, conn, func(*session) {})

		var want []taken
		if !strings.ContainsAny(strings.ReplaceAll(message, "\r\n", ""), "\r\n\x00") {
			want = []taken{{"ann@example.com", []string{"bob@example.net"}, message}}
		}
		if diff := cmp.Diff(want, engine.taken, cmp.AllowUnexported(taken{})); diff != "" {
			t.Fatal(diff)
		}
		got := codes(conn.written)
		if replies := 4 + len(sizes) + 1 + 1; len(got) != replies || got[len(got)-1] != "250" || engine.open != 0 {
			t.Fatalf("%d replies, want %d, %d transactions are open: %q", len(got), replies, engine.open, conn.written)
		}
	})
}

// An Engine that refuses without reading has refused the first chunk; what is pipelined behind it is no command.
func TestUnreadChunksAreSwallowed(t *testing.T) {
	body := bytes.Repeat([]byte("QUIT\r\n"), 50_000)
	refusal := policy.Decision{Reply: replies()[policy.ReplyCustomerPeak]}
	for _, decision := range []policy.Decision{{}, refusal} {
		data := append([]byte("HELO a\r\n"+envelope), chunked(body, []byte{12, 0, 13})...)
		conn := playing(append(data, "NOOP\r\n"...), nil)
		runSession(mustServer(t, Config{Engine: careless{decision: decision}}), conn, func(*session) {})
		want := "220 250 250 250 250 250 250 250 250"
		if decision.Refused() {
			want = "220 250 250 250 450 503 503 503 250"
		}
		if got := strings.Join(codes(conn.written), " "); got != want {
			t.Errorf("%v: got %s, want %s", decision, got, want)
		}
	}
}

// A refused chunk that doesn't end is given up.
func TestChunkFlood(t *testing.T) {
	head := []byte("HELO a\r\n" + envelope + "BDAT 5000000000 LAST\r\n")
	block, blocks := bytes.Repeat([]byte("QUIT\r\n"), 10_000), 0
	conn := &played{chunks: func() []byte {
		if head != nil {
			first := head
			head = nil
			return first
		}
		if blocks++; blocks > 2*maxDrain/len(block) {
			return nil
		}
		return block
	}}
	runSession(mustServer(t, Config{Engine: &scripted{}, MaxSize: 1000}), conn, func(*session) {})
	if got := strings.Join(codes(conn.written), " "); got != "220 250 250 250 552" {
		t.Error(got)
	}
	if most := maxDrain/len(block) + 10; blocks > most {
		t.Errorf("%d blocks were read, want %d at most", blocks, most)
	}
}

// asking is an Engine that tells how much the session holds while it reads.
type asking struct {
	discarding
	most *int
	in   **session
}

func (e asking) Commit(_ context.Context, _ *policy.Facts, body io.Reader) (policy.Decision, error) {
	p := make([]byte, 100)
	for {
		*e.most = max(*e.most, len(*(*e.in).lent))
		if _, err := body.Read(p); err == io.EOF {
			return policy.Decision{}, nil
		} else if err != nil {
			return policy.Decision{}, err
		}
	}
}

// However large a chunk, a session holds no more than its buffer.
func TestChunkMemory(t *testing.T) {
	var most int
	var in *session
	data := append([]byte("HELO a\r\n"+envelope), chunked(bytes.Repeat([]byte("x"), 1<<20), nil)...)
	conn := playing(data, nil)
	runSession(mustServer(t, Config{Engine: asking{most: &most, in: &in}}), conn, func(s *session) { in = s })
	if got := strings.Join(codes(conn.written), " "); got != "220 250 250 250 250" || most > bigInput {
		t.Errorf("%s; a buffer of %d octets", got, most)
	}
}

func TestHidesChunk(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "\n": false, "NOOP\nBDA": false, "NOOP BDAT 1": false, "NOOP\nBDATA 1": false, "NOOP\x00BDAT 1": false,
		"BDAT 1\n": true, "NOOP\nBDAT 1": true, "NOOP\rbdat\t1": true, "NOOP\n\r\nBDAT": true, "NOOP\nBDAT=5\nNOOP": true,
	} {
		if got := hidesChunk([]byte(line)); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
