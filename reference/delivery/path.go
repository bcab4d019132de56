package delivery

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// path gives a as it stands between < and >: with the quotes back that policy.Address leaves out. Source: RFC 5321 §4.1.2.
func path(a policy.Address) string {
	local := a.Local
	if !isDotString(local) && !a.Null() {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	if a.Domain == "" {
		return local
	}
	return local + "@" + a.Domain
}

func isDotString(local string) bool {
	for _, atom := range strings.Split(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	return true
}

// notAtext tells whether r can't stand in an atom. Source: RFC 5322 §3.2.3, RFC 6531 §3.3.
func notAtext(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r >= 0x80:
		return false
	}
	return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// international tells whether an address of e needs SMTPUTF8. Source: RFC 6531 §3.4.
func (e *Envelope) international() bool {
	if !e.Sender.ASCII() {
		return true
	}
	for _, a := range e.Recipients {
		if !a.ASCII() {
			return true
		}
	}
	return false
}

// maxHeader bounds what is looked at of a header, in octets.
const maxHeader = 256 << 10

// needsUTF8 tells whether a message needs SMTPUTF8 for its addresses or, where it came with it, for its header: one that
// is ASCII may go on without. A header of more than maxHeader octets is taken to need it. Source: RFC 6531 §3.4, §3.6.
// What was read of body is read again from the reader that comes back.
func (e *Envelope) needsUTF8(body io.Reader) (bool, io.Reader) {
	if e.international() {
		return true, body
	}
	if !e.UTF8 {
		return false, body
	}
	buffered := bufio.NewReaderSize(body, maxHeader)
	header, err := buffered.Peek(maxHeader) // an error comes again when it is read
	header, _, ends := bytes.Cut(header, []byte("\r\n\r\n"))
	beyond := bytes.ContainsFunc(header, func(r rune) bool { return r >= 0x80 })
	return beyond || !ends && err == nil, buffered
}
