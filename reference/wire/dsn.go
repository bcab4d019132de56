package wire

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/relayspec/relayspec/reference/policy"
)

// Bounds in octets, as they stand in the command. RFC 3461 §4.4, §4.2.
const (
	maxEnvelopeID = 100
	maxOriginal   = 500
)

// parseRcpt reads the parameters of RCPT, as parseMail does those of MAIL. international tells whether the transaction is
// one with SMTPUTF8.
func (o *offers) parseRcpt(rest []byte, international bool) (n policy.Notice, objection policy.ReplyName) {
	for len(rest) > 0 {
		var keyword, value []byte
		keyword, value, _, rest = cutParameter(rest)
		ok := false
		switch {
		case o.dsn && isWord(keyword, "NOTIFY"):
			again := n.Notify != ""
			n.Notify, ok = parseNotify(value)
			ok = ok && !again
		case o.dsn && isWord(keyword, "ORCPT"):
			again := n.OriginalType != ""
			n.OriginalType, n.Original, ok = parseOriginal(value, o.utf8, international)
			ok = ok && !again
		default:
			return n, policy.ReplyParameters
		}
		if !ok {
			return n, policy.ReplySyntax
		}
	}
	return n, ""
}

// parseReturn reads RET: RFC 3461 §4.3.
func parseReturn(value []byte) (string, bool) {
	if !isASCII(value) {
		return "", false
	}
	text := strings.ToUpper(string(value))
	return text, text == "FULL" || text == "HDRS"
}

// parseNotify reads NOTIFY: RFC 3461 §4.1. NEVER stands alone.
func parseNotify(value []byte) (string, bool) {
	if !isASCII(value) {
		return "", false
	}
	text := strings.ToUpper(string(value))
	if text == "NEVER" {
		return text, true
	}
	seen := map[string]bool{"SUCCESS": false, "FAILURE": false, "DELAY": false}
	for word := range strings.SplitSeq(text, ",") {
		if again, known := seen[word]; again || !known {
			return "", false
		}
		seen[word] = true
	}
	return text, true
}

// parseEnvelopeID reads ENVID: RFC 3461 §4.4.
func parseEnvelopeID(value []byte) (string, bool) {
	text, ok := decodeXtext(value)
	return text, ok && len(value) <= maxEnvelopeID
}

// parseOriginal reads ORCPT: an address type, then an address in xtext (RFC 3461 §4.2), or, of the type utf-8, in one of
// the forms of RFC 6533 §3; UTF-8 itself only in a transaction with SMTPUTF8.
func parseOriginal(value []byte, offered, international bool) (kind, address string, ok bool) {
	typed, encoded, found := bytes.Cut(value, []byte{';'})
	if !found || len(value) > maxOriginal || !isAtom(typed) {
		return "", "", false
	}
	kind = strings.ToLower(string(typed))
	if kind == "utf-8" && offered {
		address, ok = decodeUnicode(encoded, international)
	} else {
		address, ok = decodeXtext(encoded)
	}
	return kind, address, ok && address != ""
}

// isAtom tells whether s is an ASCII atom: RFC 5322 §3.2.3.
func isAtom(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 || !isAtext(c) {
			return false
		}
	}
	return len(s) > 0
}

// decodeXtext reads the xtext of RFC 3461 §4. What it stands for must be printable ASCII, as §4.2 and §4.4 have it.
func decodeXtext(value []byte) (string, bool) {
	if !isXtext(value) {
		return "", false
	}
	plain := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '+' {
			n, err := strconv.ParseUint(string(value[i+1:i+3]), 16, 8) // isXtext has seen to it
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		}
		if c < ' ' || c > '~' {
			return "", false
		}
		plain = append(plain, c)
	}
	return string(plain), true
}

// decodeUnicode reads the address of ORCPT=utf-8: \x{1F600} stands for a character (EmbeddedUnicodeChar of RFC 6533 §3);
// what is left is ASCII without + = and \, or UTF-8 where that is allowed.
func decodeUnicode(value []byte, international bool) (string, bool) {
	if !utf8.Valid(value) || !international && !isASCII(value) {
		return "", false
	}
	var plain strings.Builder
	for rest := string(value); rest != ""; {
		if code, ok := strings.CutPrefix(rest, `\x{`); ok {
			digits, after, closed := strings.Cut(code, "}")
			n, err := strconv.ParseUint(digits, 16, 21)
			spelt := closed && err == nil && len(digits) >= 2 && digits == strings.ToUpper(digits)
			if !spelt || n < ' ' || n == 0x7F || !utf8.ValidRune(rune(n)) {
				return "", false
			}
			plain.WriteRune(rune(n))
			rest = after
			continue
		}
		c := rest[0]
		if c <= ' ' || c == 0x7F || strings.IndexByte(`+=\`, c) >= 0 {
			return "", false
		}
		plain.WriteByte(c)
		rest = rest[1:]
	}
	return plain.String(), true
}
