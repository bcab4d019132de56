package fidelity

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// puppet says what the server of a recording said, segment by segment, and so shows what a comparison finds where nothing
// differs. It is no server: it decides nothing.
type puppet struct {
	conn net.Conn
	in   *bufio.Reader
}

// play starts a relay with the recording's script and says its sessions to it, one behind the other.
func play(t *testing.T, r *Recording, sessions []relay.Session) []relay.Session {
	t.Helper()
	script, _, err := r.Script()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := relay.Start(t.Context(), relay.Options{Script: *script})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	for i := range sessions {
		p := &puppet{}
		if p.conn, err = net.Dial("tcp", sink.Address()); err != nil {
			t.Fatal(err)
		}
		p.conn.SetDeadline(time.Now().Add(20 * time.Second))
		p.in = bufio.NewReader(p.conn)
		if err := p.session(&sessions[i]); err != nil {
			t.Errorf("%s, connection %d: %v", r.File, sessions[i].Number, err)
		}
		p.conn.Close()
		closed := func(all []relay.Session) bool { return len(all) == i+1 && !all[i].Closed.IsZero() }
		if err := sink.Await(t.Context(), closed); err != nil {
			t.Fatal(err)
		}
	}
	return sink.Sessions()
}

// session says one connection's words.
func (p *puppet) session(s *relay.Session) error {
	var segment []byte
	awaited, number := 0, 0
	if len(s.Steps) > 0 && s.Steps[0].Kind == relay.Reply {
		if err := p.await(s.Steps[0].Text); err != nil {
			return err
		}
	}
	send := func() error {
		if len(segment) == 0 {
			return nil
		}
		_, err := p.conn.Write(segment)
		segment = nil
		return err
	}
	replies := repliesOf(s)
	for i, step := range s.Steps {
		if step.Kind != relay.Command && step.Kind != relay.Content {
			continue
		}
		if number != 0 && (step.Segment != number || step.Verb == "" && step.Kind == relay.Command) {
			if err := p.turn(send, replies[:awaited]); err != nil {
				return err
			}
			replies, awaited = replies[awaited:], 0
		}
		number = step.Segment
		segment = append(segment, p.octets(s, step)...)
		if answersOwn(s, i) {
			awaited++
		}
		if step.Verb == "STARTTLS" {
			if err := p.turn(send, replies[:awaited]); err != nil {
				return err
			}
			replies, awaited, number = replies[awaited:], 0, 0
			encrypted := tls.Client(p.conn, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
			if err := encrypted.Handshake(); err != nil {
				return err
			}
			p.conn, p.in = encrypted, bufio.NewReader(encrypted)
		}
	}
	if err := p.turn(send, replies[:min(awaited, len(replies))]); err != nil {
		return err
	}
	if s.End == relay.ByServer {
		if rest, err := io.ReadAll(p.in); err != nil || len(rest) > 0 {
			return fmt.Errorf("got %q (%v), want the end", rest, err)
		}
	}
	return nil
}

// answersOwn tells whether the relay answered step before the next one in the recording.
func answersOwn(s *relay.Session, i int) bool {
	if s.Steps[i].Verb == "BDAT" {
		return false // its content is answered
	}
	return i+1 < len(s.Steps) && s.Steps[i+1].Kind == relay.Reply || i+2 < len(s.Steps) && s.Steps[i+1].Kind == relay.Note && s.Steps[i+2].Kind == relay.Reply
}

// repliesOf are the replies behind the greeting.
func repliesOf(s *relay.Session) []string {
	var all []string
	for i, step := range s.Steps {
		if step.Kind == relay.Reply && i > 0 {
			all = append(all, step.Text)
		}
	}
	return all
}

func (p *puppet) turn(send func() error, replies []string) error {
	if err := send(); err != nil {
		return err
	}
	for _, reply := range replies {
		if err := p.await(reply); err != nil {
			return err
		}
	}
	return nil
}

// await reads a reply and compares it with the recorded one.
func (p *puppet) await(want string) error {
	var lines []string
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("got %v, want %q", err, want)
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			break
		}
	}
	if got := strings.Join(lines, "\n"); normal(got) != normal(want) {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// octets is what a step was on the wire.
func (p *puppet) octets(s *relay.Session, step relay.Step) []byte {
	if step.Kind == relay.Command {
		return []byte(step.Text + "\r\n")
	}
	content := s.Messages[step.Message].Content
	if step.Verb != relay.EndOfData {
		return content
	}
	stuffed := bytes.ReplaceAll(content, []byte("\n."), []byte("\n.."))
	if bytes.HasPrefix(stuffed, []byte(".")) {
		stuffed = append([]byte("."), stuffed...)
	}
	return append(stuffed, ".\r\n"...)
}
