package wire

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// talker is a client that speaks by a script, an octet a step, and never before it has been answered. It keeps what the
// replies make of its messages.
type talker struct {
	script  []byte
	conn    *played
	engine  *scripted
	replies int    // that it should have had by now
	open    []byte // the message that goes on in chunks
	waiting []step // what it does with the replies that are to come, in order
	taken   []string
	fault   string
}

// step is what a reply means to a talker.
type step func(code string)

// body is n octets of message that would be commands.
func body(n byte) []byte { return bytes.Repeat([]byte("QUIT\r\n"), int(n)/6+1)[:n] }

// next says what the script wants, once each reply is there.
func (k *talker) next() []byte {
	got := codes(append([]byte(nil), k.conn.written...))
	if len(k.conn.written) == 0 {
		got = nil
	}
	if len(got) != k.replies {
		k.fault = fmt.Sprintf("%d replies, want %d", len(got), k.replies)
		return nil
	}
	for i, means := range k.waiting {
		if means != nil {
			means(got[len(got)-len(k.waiting)+i])
		}
	}
	k.waiting = nil
	if len(got) > 1 && got[len(got)-1] == "354" {
		return k.message()
	}
	if len(got) > 1 && got[len(got)-1] == "334" {
		return k.says("AQ==\r\n")
	}
	return k.command()
}

// says sends text, whose lines each get one reply.
func (k *talker) says(text string, means ...step) []byte {
	if len(means) == 0 {
		means = []step{nil}
	}
	k.replies += len(means)
	k.waiting = means
	return []byte(text)
}

func (k *talker) octet() byte {
	if len(k.script) == 0 {
		return 0
	}
	c := k.script[0]
	k.script = k.script[1:]
	return c
}

// message is what follows 354.
func (k *talker) message() []byte {
	n := k.octet()
	text := append(bytes.Repeat([]byte("QUIT\r\n.\r"), int(n)/8)[:int(n)/8*8], "end\r\n"...)
	text = bytes.ReplaceAll(text, []byte("\r\n."), []byte("\r\nx"))
	return k.says(string(stuff(text)), func(code string) {
		if code == "250" {
			k.taken = append(k.taken, string(text))
		}
	})
}

// chunk is a BDAT, and what its reply means.
func (k *talker) chunk(n byte, last bool) (string, step) {
	text, word := body(n), ""
	if last {
		word = " LAST"
	}
	return fmt.Sprintf("BDAT %d%s\r\n%s", n, word, text), func(code string) {
		switch {
		case code == "250" && last:
			k.taken = append(k.taken, string(k.open)+string(text))
			k.open = nil
		case code == "250":
			k.open = append(k.open, text...)
		default:
			k.open = nil
		}
	}
}

// ends is what RSET and the like mean: an open message is gone.
func (k *talker) ends(string) { k.open = nil }

func (k *talker) command() []byte {
	if len(k.script) == 0 {
		return nil
	}
	const commands = 20
	switch k.octet() % commands {
	case 0:
		return k.says("EHLO mail.example.com\r\n", k.ends)
	case 1:
		return k.says("HELO mail.example.com\r\n", k.ends)
	case 2:
		return k.says("MAIL FROM:<ann@example.com>\r\n")
	case 3:
		return k.says("MAIL FROM:<j\u00f6rg@b\u00fccher.example> SMTPUTF8 RET=FULL\r\n")
	case 4:
		return k.says("RCPT TO:<bob@example.net>\r\n")
	case 5:
		return k.says("RCPT TO:<nobody@example.net> NOTIFY=DELAY\r\n")
	case 6:
		return k.says("DATA\r\n")
	case 7:
		text, means := k.chunk(k.octet(), false)
		return k.says(text, means)
	case 8:
		text, means := k.chunk(k.octet(), true)
		return k.says(text, means)
	case 9:
		first, one := k.chunk(k.octet(), false)
		second, two := k.chunk(k.octet(), true)
		return k.says(first+second, one, two)
	case 10:
		return k.says("RSET\r\n", k.ends)
	case 11:
		return k.says("MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nNOOP\r\n", nil, nil, nil)
	case 12:
		return k.says("XYZZY\r\n")
	case 13:
		return k.says("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
	case 14:
		return k.says("AUTH XOAUTH2\r\n") // 334, then AQ== is no token
	case 15:
		return k.says("VRFY ann\r\n")
	case 16:
		return k.says("MAIL FROM:ann\r\nNOOP\r\n", nil, nil)
	case 17:
		return k.says("DATA now\r\n")
	case 18: // its octets can be told, so it is refused and swallowed
		return k.says("BDAT 6 FIRST\r\nQUIT\r\n", k.ends)
	default:
		return k.says("MAIL FROM:<over@example.com>\r\nRCPT TO:<bob@example.net>\r\n", nil, nil)
	}
}

// FuzzDialogue: one reply a command, in every order of commands; what is accepted is what was sent; nothing that stands in
// a body is a command.
func FuzzDialogue(f *testing.F) {
	f.Add([]byte{0, 2, 4, 6, 30, 10}, []byte{})
	f.Add([]byte{0, 2, 4, 7, 9, 8, 3, 2, 4, 9, 6, 6}, []byte{3})
	f.Add([]byte{0, 2, 8, 6, 4, 8, 6, 9, 6, 6}, []byte{1, 30})
	f.Add([]byte{1, 3, 4, 7, 6, 7, 0, 10, 8, 6, 2, 5, 6, 9, 12, 12}, []byte{})
	f.Add([]byte{0, 19, 9, 6, 6, 19, 6, 2, 11, 7, 6, 11, 4, 13, 18, 8, 6}, []byte{7})
	f.Add([]byte{0, 13, 14, 13, 15, 16, 17, 12, 2, 4, 7, 12, 0, 8, 6}, []byte{})
	f.Add([]byte{0, 11, 18, 8, 6, 11, 7, 6, 6, 2, 4, 8, 12}, []byte{})
	f.Fuzz(func(t *testing.T, script, cuts []byte) {
		if len(script) > 200 {
			return
		}
		engine := &scripted{rules: []rule{
			{stage: policy.Rcpt, subject: "nobody@", reply: policy.ReplyRelayDenied},
			{stage: policy.Data, subject: "over@", reply: policy.ReplyCustomerDay},
		}}
		server := mustServer(t, Config{Engine: engine, Mechanisms: mechanisms(), Capabilities: append(capabilities(), "DSN"), MaxSize: 200, MaxErrors: -1})
		k := &talker{script: script, conn: &played{}, engine: engine, replies: 1}
		k.conn.chunks = inPieces(k.next, cuts)
		runSession(server, k.conn, func(s *session) {
			s.facts.TLS = true
			boundMemory(t, s, k.conn)
		})
		if k.fault != "" || server.Panics() != 0 || len(engine.wrong) > 0 || engine.open != 0 {
			t.Fatalf("%s; %d panics, %d open, %v\n%s", k.fault, server.Panics(), engine.open, engine.wrong, k.conn.written)
		}
		checkReplies(t, []byte("BDAT"), k.conn.written, engine)
		if bytes.Contains(k.conn.written, []byte("\n221")) {
			t.Fatalf("QUIT was obeyed, and none was said:\n%s", k.conn.written)
		}
		var got []string
		for _, m := range engine.taken {
			got = append(got, m.body)
		}
		if diff := cmp.Diff(k.taken, got); diff != "" {
			t.Fatalf("(-sent and accepted +taken)\n%s", diff)
		}
	})
}

// inPieces cuts what next gives at the lengths that cuts gives in turn, and asks for more only when all of it is gone.
func inPieces(next func() []byte, cuts []byte) func() []byte {
	var rest []byte
	turn := 0
	return func() []byte {
		if len(rest) == 0 {
			rest = next()
		}
		n := len(rest)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[turn%len(cuts)]))
			turn++
		}
		piece := rest[:n]
		rest = rest[n:]
		return piece
	}
}

// chunkReplies are the codes that a message in chunks should get, found in the most obvious way: a chunk is refused with
// which the message is too long, or with which something stands alone that mustn't; then there is no transaction any more.
func chunkReplies(message, sizes []byte, limit int) (want []string, accepted bool) {
	sent := 0
	for i := 0; i <= len(sizes); i++ {
		last := i == len(sizes)
		n := len(message) - sent
		if !last {
			n = min(n, int(sizes[i]))
		}
		sent += n
		so := string(message[:sent])
		if !last {
			so = strings.TrimSuffix(so, "\r") // its LF may come with the next one
		}
		so = strings.ReplaceAll(so, "\r\n", "")
		code := "250"
		switch {
		case len(want) > 0 && want[len(want)-1] != "250":
			code = "503"
		case limit > 0 && sent > limit:
			code = "552"
		case strings.ContainsAny(so, "\r\n\x00"):
			code = "554"
		}
		want = append(want, code)
	}
	return want, want[len(want)-1] == "250"
}

// FuzzChunks: every chunk of every message gets the reply that is due to it, and a message that is taken is the one that
// was sent.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"", "Subject: x\r\n\r\n.\r\nQUIT\r\n", "a\r", "a\n", "\r\n", "a\r\r\n", "\r\r\n", "\x00", "a\rb", "NOOP\r\nNOOP\r\nNOOP\r\n"} {
		f.Add([]byte(seed), []byte{}, []byte{}, uint16(0))
		f.Add([]byte(seed), []byte{1, 0, 2}, []byte{3, 1}, uint16(9))
		f.Add([]byte(seed), []byte{2, 1}, []byte{20}, uint16(0))
		f.Add([]byte(seed), []byte{48}, []byte{}, uint16(0))
	}
	f.Fuzz(func(t *testing.T, message, sizes, cuts []byte, limit uint16) {
		if len(sizes) > 100 {
			return
		}
		engine := &scripted{}
		server := mustServer(t, Config{Engine: engine, MaxSize: int64(limit), MaxErrors: -1})
		data := append([]byte("HELO a\r\n"+envelope), chunked(message, sizes)...)
		conn := playing(append(data, "NOOP\r\n"...), cuts)
		runSession(server, conn, func(s *session) { boundMemory(t, s, conn) })
		want, accepted := chunkReplies(message, sizes, int(limit))
		want = append(append([]string{"220", "250", "250", "250"}, want...), "250")
		if diff := cmp.Diff(want, codes(conn.written)); diff != "" {
			t.Fatalf("(-want +got)\n%s\n%s", diff, conn.written)
		}
		if took := len(engine.taken) == 1 && engine.taken[0].body == string(message); took != accepted || engine.open != 0 {
			t.Fatalf("accepted %v, taken %+v, %d open", accepted, engine.taken, engine.open)
		}
	})
}

// FuzzProxy: only a peer that is trusted sets an address, and only with a whole header; without one it hears nothing.
func FuzzProxy(f *testing.F) {
	for _, seed := range []string{
		"", "EHLO a\r\n", "PROXY TCP4 198.51.100.7 192.0.2.25 1 25\r\nEHLO a\r\n", "PROXY TCP6 2001:db8::7 2001:db8::25 1 25\r\n", "PROXY UNKNOWN\r\nHELO a\r\n",
		"PROXY TCP4 198.51.100.7 192.0.2.25 1 99999\r\n", "PROXY", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00HELO a\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x19\x00\x01\x00\x19HELO a\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff\xc6",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8" + strings.Repeat("x", 216),
	} {
		f.Add([]byte(seed), []byte{}, true)
		f.Add([]byte(seed), []byte{30, 3}, true)
		f.Add([]byte(seed), []byte{4}, false)
	}
	f.Fuzz(func(t *testing.T, data, cuts []byte, trusted bool) {
		var mu sync.Mutex
		var peers []string
		c := Config{Engine: &scripted{}, Events: func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Code != 0 {
				peers = append(peers, e.Peer)
			}
		}}
		if trusted {
			c.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
		}
		server, conn := mustServer(t, c), playing(data, cuts)
		runSession(server, conn, func(*session) {})
		if server.Panics() != 0 {
			t.Fatal("panic")
		}
		if len(conn.written) > 0 {
			checkReplies(t, data, conn.written, c.Engine.(*scripted))
		}
		said := slices.Compact(peers)
		switch {
		case !trusted:
			if diff := cmp.Diff([]string{"192.0.2.1"}, said); diff != "" {
				t.Fatal(diff)
			}
		case bytes.HasPrefix(data, []byte("PROXY ")) || bytes.HasPrefix(data, []byte("\r\n\r\n\x00\r\nQUIT\n")):
			if len(said) > 1 || len(said) == 1 && !introducedAs(data, said[0]) {
				t.Fatalf("%q: %v", data, said)
			}
		case len(conn.written) > 0:
			t.Fatalf("without a header: %q", conn.written)
		}
	})
}

// introducedAs tells whether a header names this peer: in text, in octets, or nobody.
func introducedAs(data []byte, peer string) bool {
	address, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	if text, ok := bytes.CutPrefix(data, []byte("PROXY ")); ok {
		line, _, _ := strings.Cut(string(text), "\r\n")
		fields := strings.Split(line, " ")
		if fields[0] == "UNKNOWN" {
			return peer == "192.0.2.1"
		}
		named, err := netip.ParseAddr(fields[1])
		return err == nil && named.Unmap().WithZone("") == address
	}
	const start = 16 // of the addresses in version 2
	local := data[12] == 0x20 || data[13]>>4 == 0
	sixteen := address.As16()
	return local && peer == "192.0.2.1" || bytes.HasPrefix(data[start:], address.AsSlice()) || bytes.HasPrefix(data[start:], sixteen[:])
}
