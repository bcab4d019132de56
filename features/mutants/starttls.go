package mutants

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// startTLS are relays that begin TLS where they shouldn't, or take something with them into it.
func startTLS() []Mutant {
	const ready, refused, busy = "220 2.0.0 Ready to start TLS\r\n", "554 5.7.0 No TLS here\r\n", "250 2.1.5 OK\r\n"
	return []Mutant{
		{Name: "STARTTLS is announced and refused", Breaks: []string{"RFC3207-4/ready"}, Relay: answers(verbatim("STARTTLS", refused))},
		{Name: "STARTTLS has a case", Breaks: []string{"RFC3207-4/ready"}, Relay: answers(verbatim("StartTLS", "502 5.5.1 Unrecognized command\r\n"))},
		{Name: "a client in TLS may not relay", Breaks: []string{"RFC3207-4/ready"}, Relay: inTLS(edit{command: func(line string) ([]string, string) {
			if verbOf(line) == "RCPT" {
				return nil, refused
			}
			return []string{line}, ""
		}})},
		{Name: "STARTTLS with an argument begins TLS", Breaks: []string{"RFC3207-4/argument"}, Relay: hears(func(line string) string {
			if verbOf(line) == "STARTTLS" {
				return "STARTTLS"
			}
			return line
		})},
		{Name: "STARTTLS is announced in TLS", Breaks: []string{"RFC3207-4.2/not-listed"}, Relay: inTLS(edit{reply: func(command, text string) string {
			if verbOf(command) == "EHLO" {
				return strings.Replace(text, "\r\n", "\r\n250-STARTTLS\r\n", 1)
			}
			return text
		}})},
		{Name: "STARTTLS in TLS begins it again", Breaks: []string{"RFC3207-4.2/again"}, Relay: inTLS(edit{command: func(line string) ([]string, string) {
			if verbOf(line) == "STARTTLS" {
				return nil, ready
			}
			return []string{line}, ""
		}})},
		{Name: "a transaction outlives STARTTLS", Breaks: []string{"RFC3207-4.2/nothing-remembered"}, Relay: tapped(func(encrypted bool) edit {
			return edit{command: func(line string) ([]string, string) {
				switch verb := verbOf(line); {
				case !encrypted && verb == "STARTTLS":
					return []string{"RSET", line}, ""
				case encrypted && verb == "DATA":
					return nil, "354 Go ahead\r\n"
				case encrypted && line == ".":
					return nil, "250 2.0.0 OK\r\n"
				}
				return []string{line}, ""
			}}
		})},
		{Name: "a sender outlives STARTTLS", Breaks: []string{"RFC3207-4.2/nothing-remembered"}, Relay: tapped(func(encrypted bool) edit {
			return edit{command: func(line string) ([]string, string) {
				switch verb := verbOf(line); {
				case !encrypted && verb == "STARTTLS":
					return []string{"RSET", line}, ""
				case encrypted && verb == "RCPT":
					return nil, "250 2.1.5 OK\r\n"
				}
				return []string{line}, ""
			}}
		})},
		{Name: "the name of EHLO outlives STARTTLS", Breaks: []string{"RFC3207-4.2/ehlo-again"}, Relay: tapped(func(encrypted bool) edit {
			greeted := !encrypted
			return edit{command: func(line string) ([]string, string) {
				lines := []string{line}
				if !greeted && verbOf(line) != "EHLO" {
					lines = []string{"EHLO remembered.example", line}
				}
				greeted = true
				return lines, ""
			}}
		})},
		{Name: "what came with STARTTLS is obeyed in TLS", Breaks: []string{"RFC3207-4.2/injection"}, Relay: (&injection{came: map[net.Conn]*tap{}}).options()},
		{Name: "a failed handshake is followed by commands in the clear", Breaks: []string{"RFC3207-4.1/failed-handshake"}, Relay: tapped(func(bool) edit {
			return edit{
				command: func(line string) ([]string, string) { return []string{line}, verbatim("STARTTLS", ready)(line) },
				raw: func(octets []byte) []byte {
					if len(octets) > 0 && octets[0] == tlsHandshake {
						return []byte("QUIT\r\n") // whoever does mean TLS shall not wait for it
					}
					return octets
				},
			}
		})},
	}
}

// tlsHandshake is the first octet of a client's handshake. Source: RFC 8446 §5.1.
const tlsHandshake = 0x16

// verbatim answers one command line, in just these letters.
func verbatim(command, answer string) func(line string) string {
	return func(line string) string {
		if line == command {
			return answer
		}
		return ""
	}
}

// inTLS edits sessions in TLS only.
func inTLS(e edit) embedded.Options {
	return tapped(func(encrypted bool) edit {
		if encrypted {
			return e
		}
		return edit{}
	})
}

// injection is a relay that keeps its input buffer over the handshake.
type injection struct {
	mu   sync.Mutex
	came map[net.Conn]*tap // by what was accepted
}

func (i *injection) options() embedded.Options { return embedded.Options{Tap: i.tap} }

func (i *injection) tap(conn net.Conn) net.Conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := &tap{Conn: conn}
	encrypted, ok := conn.(*tls.Conn)
	if !ok {
		i.came[conn] = t
		return t
	}
	if before := i.came[encrypted.NetConn()]; before != nil {
		t.came = before.came
		delete(i.came, encrypted.NetConn())
	}
	return t
}
