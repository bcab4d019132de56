package delivery

import (
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

// international tells whether e needs SMTPUTF8. Source: RFC 6531 §3.4.
func (e *Envelope) international() bool {
	if !isASCII(e.Sender) {
		return true
	}
	for _, a := range e.Recipients {
		if !isASCII(a) {
			return true
		}
	}
	return false
}

func isASCII(a policy.Address) bool {
	return !strings.ContainsFunc(a.Local+a.Domain, func(r rune) bool { return r >= 0x80 })
}
