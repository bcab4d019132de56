package wire

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/relayspec/relayspec/reference/policy"
)

// Bounds in octets. RFC 5321 §4.5.3.1.1 to 3.
const (
	maxLocal  = 64
	maxDomain = 255
	maxPath   = 256 // with < and >
)

// direction tells which of the two paths is read: they differ in what may stand there instead of a mailbox.
type direction bool

const (
	reversePath direction = false // <> too
	forwardPath direction = true  // <Postmaster> too
)

// cutPath reads "FROM:<path> rest" or "TO:<path> rest". Blanks after the colon are tolerated: too many clients send
// them. Not understood: ok is false. Where SMTPUTF8 is offered the path may be UTF-8; whether this transaction allows it
// is still to be asked. What follows the path isn't looked at.
func (s *session) cutPath(argument []byte, keyword string, d direction) (policy.Address, []byte, bool) {
	a, rest, ok := cutPath(argument, keyword, d)
	if path := argument[:len(argument)-len(rest)]; !s.server.offers.utf8 && !isASCII(path) {
		return policy.Address{}, nil, false
	}
	return a, rest, ok
}

// noPath answers where cutPath understood nothing: with bad where a whole path stands that is no address, otherwise to
// the syntax of the command. Source: relay-rules 3.10 (555 for a display name), section 4 (553 5.1.3 and 5.1.7).
func (s *session) noPath(argument []byte, keyword string, bad policy.ReplyName) {
	named := len(argument) >= len(keyword) && isWord(argument[:len(keyword)], keyword)
	argument = bytes.TrimLeft(argument[min(len(argument), len(keyword)):], " ")
	end := pathEnd(argument)
	if !named || end < 0 || len(argument) > end && argument[end] != ' ' {
		s.fault(policy.ReplySyntax)
		return
	}
	s.path = printable(argument[1 : end-1])
	s.fault(bad)
}

// cutPath reads a path that may be UTF-8, and what follows it.
func cutPath(argument []byte, keyword string, d direction) (a policy.Address, rest []byte, ok bool) {
	if len(argument) < len(keyword) || !isWord(argument[:len(keyword)], keyword) {
		return a, nil, false
	}
	argument = bytes.TrimLeft(argument[len(keyword):], " ")
	end := pathEnd(argument)
	if end < 0 || end > maxPath {
		return a, nil, false
	}
	rest = argument[end:]
	if len(rest) > 0 && rest[0] != ' ' || !utf8.Valid(argument[:end]) {
		return a, nil, false
	}
	a, ok = parsePath(string(argument[1:end-1]), d)
	return a, bytes.TrimLeft(rest, " "), ok
}

// isASCII keeps out what Unicode folds to ASCII letters, and all the rest.
func isASCII[T []byte | string](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// pathEnd is the length of the <path> that s begins with, or -1. A > inside quotes doesn't end it.
func pathEnd(s []byte) int {
	if len(s) == 0 || s[0] != '<' {
		return -1
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i + 1
		}
	}
	return -1
}

// parsePath reads what stands between < and >. A source route is read and ignored: RFC 5321 §3.6.1, Appendix C.
func parsePath(s string, d direction) (a policy.Address, ok bool) {
	switch {
	case s == "":
		return a, d == reversePath // RFC 5321 §4.5.5
	case d == forwardPath && isWord(s, "POSTMASTER"):
		return policy.Address{Local: s}, true // RFC 5321 §4.1.1.3
	case s[0] == '@':
		route, mailbox, found := strings.Cut(s, ":")
		if !found || !isRoute(route) {
			return a, false
		}
		s = mailbox
	}
	return parseMailbox(s)
}

// isRoute reads @one,@two.
func isRoute(s string) bool {
	for hop := range strings.SplitSeq(s, ",") {
		if len(hop) < 2 || hop[0] != '@' || !isDomain(hop[1:]) {
			return false
		}
	}
	return true
}

// parseMailbox reads local-part@domain: RFC 5321 §4.1.2; in UTF-8: RFC 6531 §3.3.
func parseMailbox(s string) (a policy.Address, ok bool) {
	at := strings.LastIndexByte(s, '@') // no domain holds one
	if at < 0 || at > maxLocal {
		return a, false
	}
	local, domain := s[:at], s[at+1:]
	if local == "" || !isDomain(domain) {
		return a, false
	}
	if local[0] == '"' {
		local, ok = unquote(local)
	} else {
		ok = isDotString(local)
	}
	if !ok {
		return a, false
	}
	return policy.Address{Local: local, Domain: lowerASCII(domain)}, true
}

// lowerASCII is strings.ToLower for ASCII letters only: others fold as IDNA says, where a domain is looked up.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

// isDotString tells whether s is 1*atext *("." 1*atext). What is beyond ASCII is atext, too: RFC 6531 §3.3.
func isDotString(s string) bool {
	atom := false // the octet before belongs to an atom
	for i := range len(s) {
		switch c := s[i]; {
		case isAtext(c):
			atom = true
		case c == '.' && atom:
			atom = false
		default:
			return false
		}
	}
	return atom
}

func isAtext(c byte) bool {
	return c >= 0x80 || isLetterDigit(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// isWord tells whether s is word, which is in capitals. ASCII letters match without case, and nothing else does: Unicode
// would fold others to S and K.
func isWord[T []byte | string](s T, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		if upperCase(s[i]) != word[i] {
			return false
		}
	}
	return true
}

func upperCase(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

func isLetterDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// unquote reads a quoted local part.
//
// QUIRK: "" is refused though RFC 5321 §4.1.2 has it: no such mailbox is known, and an empty Local means <> elsewhere.
func unquote(s string) (string, bool) {
	if len(s) < 3 || s[len(s)-1] != '"' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	plain := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c == '\\' {
			if i++; i == len(inner) {
				return "", false
			}
			c = inner[i]
			if c >= 0x80 { // RFC 6531 §3.3 leaves quoted-pairSMTP as it is
				return "", false
			}
		} else if c == '"' {
			return "", false
		}
		if c < ' ' || c == 0x7F {
			return "", false
		}
		plain = append(plain, c)
	}
	return string(plain), true
}

// isDomain tells whether s is a domain, perhaps with U-labels (RFC 6531 §3.3), or an address literal.
func isDomain(s string) bool {
	if len(s) == 0 || len(s) > maxDomain {
		return false
	}
	if s[0] == '[' {
		return isLiteral(s)
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return hasULabels(s)
		}
	}
	return true
}

// hasULabels tells whether s is a domain beyond ASCII. It is strict: nothing is mapped (RFC 5890 §2.3.2.1),
// and no dot stands at the end, which IDNA would allow.
func hasULabels(s string) bool {
	if isASCII(s) || s[len(s)-1] == '.' {
		return false
	}
	_, err := idna.Registration.ToASCII(lowerASCII(s))
	return err == nil
}

// isLabel tells whether s is a sub-domain of RFC 5321 §4.1.2, and as long as RFC 1035 §2.3.4 lets it be.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isLetterDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// isLiteral tells whether s is [192.0.2.1] or [IPv6:2001:db8::1]: RFC 5321 §4.1.3. No other tag is registered.
func isLiteral(s string) bool {
	const tag = "ipv6:"
	if s[len(s)-1] != ']' {
		return false
	}
	s = s[1 : len(s)-1]
	six := len(s) > len(tag) && strings.EqualFold(s[:len(tag)], tag)
	if six {
		s = s[len(tag):]
	}
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Zone() == "" && ip.Is4() != six
}
