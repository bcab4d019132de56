package wire

import (
	"bytes"

	"github.com/relayspec/relayspec/reference/policy"
)

// mailParameters are what is kept of the parameters of MAIL.
type mailParameters struct {
	size       int64
	utf8       bool
	ret        string // RET
	envelopeID string // ENVID
}

// The parameters, for what has been seen of them.
const (
	paramSize = 1 << iota
	paramBody
	paramAuth
	paramUTF8
	paramReturn
	paramEnvelopeID
)

// parseMail reads the parameters of MAIL: those of the extensions that are offered, each at most once. Source: RFC 5321
// §4.1.1.11. What is wrong with them is named by its reply; empty: nothing is.
func (o *offers) parseMail(rest []byte) (p mailParameters, objection policy.ReplyName) {
	seen := 0
	for len(rest) > 0 {
		var keyword, value []byte
		var valued, ok bool
		keyword, value, valued, rest = cutParameter(rest)
		this := 0
		switch {
		case o.size && isWord(keyword, "SIZE"): // RFC 1870 §3
			this = paramSize
			p.size, ok = parseSize(value)
		case o.eightBit && isWord(keyword, "BODY"): // RFC 6152 §3
			this = paramBody
			if isWord(value, "BINARYMIME") { // RFC 3030 §3: not offered
				return p, policy.ReplyParameters
			}
			ok = isWord(value, "7BIT") || isWord(value, "8BITMIME")
		case o.auth && isWord(keyword, "AUTH"): // RFC 4954 §5: we trust nobody's, so it is read and ignored
			this = paramAuth
			ok = isXtext(value)
		case o.utf8 && isWord(keyword, "SMTPUTF8"): // RFC 6531 §3.4
			this = paramUTF8
			p.utf8, ok = true, !valued
		case o.dsn && isWord(keyword, "RET"): // RFC 3461 §4.3
			this = paramReturn
			p.ret, ok = parseReturn(value)
		case o.dsn && isWord(keyword, "ENVID"): // RFC 3461 §4.4
			this = paramEnvelopeID
			p.envelopeID, ok = parseEnvelopeID(value)
		default:
			return p, policy.ReplyParameters
		}
		if !ok || seen&this != 0 {
			return p, policy.ReplySyntax
		}
		seen |= this
	}
	return p, ""
}

// cutParameter takes the first parameter off. valued: it has a value, perhaps an empty one.
func cutParameter(parameters []byte) (keyword, value []byte, valued bool, rest []byte) {
	word, rest, _ := bytes.Cut(parameters, []byte{' '})
	keyword, value, valued = bytes.Cut(word, []byte{'='})
	return keyword, value, valued, bytes.TrimLeft(rest, " ")
}

// parseSize reads 1*20DIGIT. What doesn't fit into 63 bits is as large as can be.
func parseSize(digits []byte) (size int64, ok bool) {
	const most = 1<<63 - 1
	if len(digits) == 0 || len(digits) > 20 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		if size > (most-9)/10 {
			size = most
			continue
		}
		size = size*10 + int64(d-'0')
	}
	return size, true
}

// isXtext tells whether value is the xtext of RFC 3461 §4.
func isXtext(value []byte) bool {
	for i, c := range value {
		switch {
		case c <= ' ' || c > '~' || c == '=':
			return false
		case c == '+' && (len(value) < i+3 || !isUpperHex(value[i+1]) || !isUpperHex(value[i+2])):
			return false
		}
	}
	return len(value) > 0
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }
