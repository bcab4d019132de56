package mutants

import (
	"bytes"
	"net"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// edit is what a broken wire does otherwise with one session. It stands between the client and the relay, inside TLS
// once that is on, and sees each line. A nil function changes nothing. Its functions are called one at a time.
type edit struct {
	// raw changes what comes from the client before it is cut into lines: for what a line's end is.
	raw func(octets []byte) []byte
	// command gives the lines that the relay gets in place of the client's; the replies to all but the last are kept
	// from the client. What it gives second is written to the client in place of any reply, and then the relay gets nothing.
	command func(line string) (lines []string, answer string)
	// content changes a message, from behind 354 to the final dot with its CRLF, or a chunk of BDAT.
	content func(octets []byte) []byte
	// reply changes what the relay says to command, CRLF included; "" is the greeting, "." the end of the message.
	reply func(command, text string) string
}

// tapped is the reference with each session edited. fresh gives the edit of one connection; it is called again, with
// encrypted, when TLS is on.
func tapped(fresh func(encrypted bool) edit) embedded.Options {
	return embedded.Options{Tap: func(conn net.Conn) net.Conn {
		_, isTCP := conn.(*net.TCPConn)
		return &tap{Conn: conn, edit: fresh(!isTCP)}
	}}
}

// rewords changes the replies of each session.
func rewords(change func(command, text string) string) embedded.Options {
	return tapped(func(bool) edit { return edit{reply: change} })
}

// hears changes the command lines of each session.
func hears(change func(line string) string) embedded.Options {
	return tapped(func(bool) edit {
		return edit{command: func(line string) ([]string, string) { return []string{change(line)}, "" }}
	})
}

// answers answers lines in the relay's place: "" leaves a line to the relay.
func answers(to func(line string) string) embedded.Options {
	return tapped(func(bool) edit {
		return edit{command: func(line string) ([]string, string) { return []string{line}, to(line) }}
	})
}

// verbOf is the verb of a command line, in upper case.
func verbOf(line string) string {
	verb, _, _ := strings.Cut(line, " ")
	return strings.ToUpper(strings.TrimSpace(verb))
}

// recode puts another code at the front of each line of a reply, and of its enhanced code the class.
func recode(text, code string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if len(line) < 4 {
			continue
		}
		rest := line[4:]
		if len(rest) > 2 && rest[1] == '.' && strings.IndexByte("245", rest[0]) >= 0 {
			rest = code[:1] + rest[1:]
		}
		b.WriteString(code + line[3:4] + rest)
	}
	return b.String()
}

// tap edits one direction of the dialogue at a time: the relay reads one line from it, answers, and reads again.
type tap struct {
	net.Conn
	edit edit

	came    []byte // from the client, not looked at yet
	ready   []byte // for the relay
	waiting []string
	last    string // what the relay's next words answer
	silent  bool   // they are kept from the client
	data    bool   // a message follows, up to its dot
	chunk   int    // so many octets of a chunk follow
	secret  bool   // an answer to 334 follows, which is no command
	err     error
}

// Read gives the relay at most one line, or one message: so what it says next answers that.
func (t *tap) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if len(t.waiting) > 0 {
			t.hand(t.waiting[0])
			t.waiting = t.waiting[1:]
			break
		}
		if t.cut() {
			continue
		}
		if t.err != nil {
			if len(t.came) > 0 { // a line without its end
				t.ready, t.came = t.came, nil
				break
			}
			return 0, t.err
		}
		if err := t.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// more reads from the client. What ends the connection is kept until everything before it has been used; a deadline isn't.
func (t *tap) more() error {
	buffer := make([]byte, 16<<10)
	n, err := t.Conn.Read(buffer)
	octets := buffer[:n]
	if t.edit.raw != nil {
		octets = t.edit.raw(octets)
	}
	t.came = append(t.came, octets...)
	if err == nil || n > 0 {
		return nil
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return err
	}
	t.err = err
	return nil
}

// cut takes one line, message or chunk off what came. It tells whether there was one.
func (t *tap) cut() bool {
	switch {
	case t.data:
		return t.cutMessage()
	case t.chunk > 0:
		n := min(t.chunk, len(t.came))
		t.chunk -= n
		t.pass(t.came[:n])
		t.came = t.came[n:]
		return n > 0
	}
	end := bytes.Index(t.came, []byte("\r\n"))
	if end < 0 {
		return false
	}
	line := string(t.came[:end])
	t.came = t.came[end+2:]
	t.line(line)
	return true
}

func (t *tap) cutMessage() bool {
	end := bytes.Index(t.came, []byte("\r\n.\r\n")) + 5
	if bytes.HasPrefix(t.came, []byte(".\r\n")) {
		end = 3
	}
	if end < 5 && end != 3 {
		return false
	}
	t.data, t.last = false, "."
	t.pass(t.came[:end])
	t.came = t.came[end:]
	return true
}

// pass hands on content.
func (t *tap) pass(octets []byte) {
	if t.edit.content != nil {
		octets = t.edit.content(octets)
	}
	t.ready = append(t.ready, octets...)
}

// line hands on what stands for a command line, or answers it.
func (t *tap) line(line string) {
	if t.secret || t.edit.command == nil {
		t.hand(line)
		return
	}
	lines, answer := t.edit.command(line)
	if answer != "" {
		t.last = line
		t.Conn.Write([]byte(answer)) // that the client is gone the relay will see
		return
	}
	t.waiting = append(t.waiting, lines...)
}

// hand gives the relay one line.
func (t *tap) hand(line string) {
	t.ready = append(append(t.ready, line...), "\r\n"...)
	t.silent = len(t.waiting) > 1
	if !t.secret {
		t.last = line
	}
	t.secret = false
	if fields := strings.Fields(line); len(fields) > 1 && verbOf(line) == "BDAT" {
		t.chunk, _ = strconv.Atoi(fields[1]) // a size that is none is followed by nothing
	}
}

// Write takes what the relay says: the replies to what it was handed last.
func (t *tap) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("354")) {
		t.data = true
	}
	t.secret = bytes.HasPrefix(p, []byte("334"))
	if t.silent {
		return len(p), nil
	}
	text := p
	if t.edit.reply != nil {
		text = []byte(t.edit.reply(t.last, string(p)))
	}
	if _, err := t.Conn.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets the relay end its side, as it does before it closes.
func (t *tap) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
