package directory

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// maxToken bounds a bearer token, in octets: it must fit into an AUTH line, in base64.
const maxToken = 4096

// NewToken makes a token of a user, of which only the hash is kept. expires: it is good before then; zero: for ever.
// The error says what is wrong with value, and doesn't show it.
func NewToken(value string, expires time.Time) (policy.Token, error) {
	if fault := tokenFault(value); fault != "" {
		return policy.Token{}, errors.New(fault)
	}
	return policy.Token{Hash: sha256.Sum256([]byte(value)), Expires: expires}, nil
}

// tokenFault says why value can't be a token. Source: RFC 6750 §2.1 (b64token).
func tokenFault(value string) string {
	body := strings.TrimRight(value, "=")
	switch {
	case value == "":
		return "the token is empty; write one"
	case len(value) > maxToken:
		return "the token is longer than 4096 octets; write a shorter one"
	case body == "":
		return "the token is nothing but =; write letters or digits before it"
	}
	for i := range len(body) {
		if c := body[i]; !isLetterOrDigit(c) && strings.IndexByte("-._~+/", c) < 0 {
			return "the token has a sign that no bearer token has; write letters, digits and -._~+/ with = only at the end"
		}
	}
	return ""
}

// tokenKey is how tokens are looked for: by a part of the hash, so that the whole of it is compared only in constant time.
type tokenKey [8]byte

func keyOf(hash [32]byte) tokenKey { return tokenKey(hash[:8]) }

// bearer is a token with whose it is.
type bearer struct {
	token policy.Token
	user  *policy.User
}

// Bearer gives the user whose token this is, nil when it is nobody's or has expired at now. What is compared is hashes,
// so the time of an answer tells nothing of a token. Source: AUTH-CREDS; RFC 6750 §3.1 (an expired token is an invalid one).
func (d *Directory) Bearer(token string, now time.Time) *policy.User {
	hash := sha256.Sum256([]byte(token))
	for _, b := range d.bearers[keyOf(hash)] {
		good := b.token.Expires.IsZero() || now.Before(b.token.Expires)
		if subtle.ConstantTimeCompare(b.token.Hash[:], hash[:]) == 1 && good {
			return b.user
		}
	}
	return nil
}

// token checks that a token is given once: otherwise it could prove two users.
func (b *builder) token(at Position, t policy.Token) {
	if first, again := b.seen("token ", string(t.Hash[:]), at); again {
		b.fault(at, "", "the token stands already at "+first.String()+"; give each user tokens of its own, each once")
	}
}
