package wire

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

// xoauth2 is the service maker's own mechanism. Source: relay-rules 3.2, 2.43; its form is the maker's page on it.
const xoauth2 = "XOAUTH2"

// separator ends each part of a response with a token.
const separator = "\x01"

var errBearer = errors.New("wire: no response with a token")

// bearerServer is the server's side of the two mechanisms with a token. What follows a refusal isn't its matter: see
// session.explain.
type bearerServer struct {
	parse func(response string) (user, token string, ok bool)
	keep  func(user, token string)
}

func (b *bearerServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return nil, false, nil // an empty challenge: there is nothing to say before the token comes
	}
	user, token, ok := b.parse(string(response))
	if !ok {
		return nil, false, errBearer
	}
	b.keep(user, token)
	return nil, true, nil
}

// parseXOAUTH2 reads "user=" user ^A "auth=Bearer " token ^A ^A.
func parseXOAUTH2(response string) (user, token string, ok bool) {
	response, ended := strings.CutSuffix(response, separator+separator)
	first, second, found := strings.Cut(response, separator)
	user, named := strings.CutPrefix(first, "user=")
	credentials, given := strings.CutPrefix(second, "auth=")
	token, bearer := cutBearer(credentials)
	return user, token, ended && found && named && given && bearer && user != ""
}

// parseOAuthBearer reads RFC 7628 §3.1: a GS2 header, then key=value pairs, of which only auth counts here. Without an
// authorization identity user is empty: then it is whoever the token belongs to.
func parseOAuthBearer(response string) (user, token string, ok bool) {
	header, rest, found := strings.Cut(response, ","+separator)
	pairs, ended := strings.CutSuffix(rest, separator+separator)
	flag, name, split := strings.Cut(header, ",")
	if !found || !ended || !split || flag != "n" && flag != "y" { // channel binding isn't served
		return "", "", false
	}
	if user, ok = saslName(name); !ok {
		return "", "", false
	}
	for pair := range strings.SplitSeq(pairs, separator) {
		key, value, valued := strings.Cut(pair, "=")
		again := key == "auth" && token != ""
		if !valued || !isKey(key) || again {
			return "", "", false
		}
		if key != "auth" {
			continue
		}
		if token, ok = cutBearer(value); !ok {
			return "", "", false
		}
	}
	return user, token, token != ""
}

// saslName reads the authorization identity of a GS2 header: nothing, or a= and a name in which =2C stands for a comma
// and =3D for =. Source: RFC 5801 §4.
func saslName(text string) (name string, ok bool) {
	if text == "" {
		return "", true
	}
	name, ok = strings.CutPrefix(text, "a=")
	plain := strings.NewReplacer("=2C", "", "=3D", "").Replace(name)
	if !ok || name == "" || strings.ContainsAny(plain, "=,") {
		return "", false
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name), true
}

// isKey tells whether s is 1*ALPHA: RFC 7628 §3.1.
func isKey(s string) bool {
	for i := range len(s) {
		if c := upperCase(s[i]); c < 'A' || c > 'Z' {
			return false
		}
	}
	return s != ""
}

// cutBearer reads "Bearer " b64token. Source: RFC 6750 §2.1; the scheme has no case: RFC 7235 §2.1.
func cutBearer(credentials string) (token string, ok bool) {
	scheme, token, found := strings.Cut(credentials, " ")
	body := strings.TrimRight(token, "=")
	if !found || !isWord(scheme, "BEARER") || body == "" {
		return "", false
	}
	for i := range len(body) {
		if c := body[i]; !isLetterDigit(c) && strings.IndexByte("-._~+/", c) < 0 {
			return "", false
		}
	}
	return token, true
}

// refusals are what a mechanism tells in a challenge before its token is refused. Source: RFC 7628 §3.2.2; for XOAUTH2
// its maker's page.
func refusals(mechanism string) []byte {
	switch mechanism {
	case xoauth2:
		return []byte(`{"status":"401","schemes":"bearer"}`)
	case sasl.OAuthBearer:
		return []byte(`{"status":"invalid_token","schemes":"bearer"}`)
	}
	return nil
}

// explain tells the client in a challenge why its token is refused, and waits for the answer that both mechanisms have
// for that: an empty line, or ^A. RFC 7628 §3.2.3: only then comes the refusal itself. False: the client was answered
// otherwise, or is gone.
func (s *session) explain(mechanism string) bool {
	challenge := refusals(mechanism)
	if challenge == nil {
		return true
	}
	_, ok := s.exchange(challenge) // whatever it says
	return ok
}
