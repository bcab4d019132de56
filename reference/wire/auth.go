package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/relayspec/relayspec/reference/policy"
)

// mechanisms are those that are served.
func mechanisms() []string { return []string{sasl.Plain, sasl.Login, xoauth2, sasl.OAuthBearer} }

// auth does AUTH: RFC 4954 §4.
func (s *session) auth(argument []byte) {
	switch {
	case s.facts.Helo == "":
		s.say(policy.ReplyNoHelo)
		return
	case s.transaction: // RFC 4954 §4: a MUST
		s.say(policy.ReplyBadSequence)
		return
	case !s.facts.TLS:
		s.refuseAuth()
		return
	case len(s.server.config.Mechanisms) == 0:
		s.fault(policy.ReplyUnknown)
		return
	case s.facts.User != "":
		s.say(policy.ReplyAuthTwice)
		return
	case len(argument) == 0, !isASCII(argument):
		s.fault(policy.ReplySyntax)
		return
	}
	name, initial, given := bytes.Cut(argument, []byte{' '})
	mechanism := strings.ToUpper(string(name))
	if !slices.Contains(s.server.config.Mechanisms, mechanism) {
		s.say(policy.ReplyAuthMechanism)
		return
	}
	offered := policy.Credentials{Mechanism: mechanism}
	if s.converse(saslServer(&offered), initial, given) {
		s.authenticate(&offered)
	}
}

// refuseAuth answers to AUTH in the clear. The Engine says how it is refused; that it is doesn't depend on it: no
// credentials are asked for without TLS. Source: AUTH-TLS, relay-rules 2.19.
func (s *session) refuseAuth() {
	if s.ask(policy.Auth) {
		s.say(policy.ReplyTLSRequired)
	}
}

// converse runs a mechanism to the end of its exchange. It tells whether there are credentials to decide on; if not,
// it has answered.
func (s *session) converse(server sasl.Server, initial []byte, given bool) bool {
	var response []byte // nil: none was given
	if given {
		if string(initial) == "=" { // RFC 4954 §4: an empty initial response
			initial = nil
		}
		var ok bool
		if response, ok = s.decode(initial); !ok {
			return false
		}
	}
	for {
		challenge, done, err := server.Next(response)
		switch {
		case err != nil:
			s.fault(policy.ReplyAuthDecode)
			return false
		case done:
			return true
		}
		var ok bool
		if response, ok = s.exchange(challenge); !ok {
			return false
		}
	}
}

// exchange sends a challenge and reads the response to it.
func (s *session) exchange(challenge []byte) ([]byte, bool) {
	s.challenge = base64.StdEncoding.AppendEncode(s.challenge[:0], challenge)
	s.say(policy.ReplyChallenge)
	s.await(s.server.config.Deadlines.Auth)
	line, err := s.readLine(authLimit)
	switch {
	case err != nil:
		s.excuse(err, policy.ReplyAuthDecode)
		return nil, false
	case string(line) == "*":
		s.say(policy.ReplyAuthCancelled)
		return nil, false
	}
	return s.decode(line)
}

// decode reads base64, strictly. The result is never nil.
func (s *session) decode(line []byte) ([]byte, bool) {
	text := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(text, line)
	if err != nil || bytes.ContainsAny(line, "\r\n") {
		s.fault(policy.ReplyAuthDecode)
		return nil, false
	}
	return text[:n], true
}

// authenticate puts the credentials to the Engine and keeps nothing of them but the user it proved.
func (s *session) authenticate(offered *policy.Credentials) {
	s.facts.Offered = offered
	decided := s.consult(policy.Auth)
	s.facts.Offered = nil
	switch {
	case !decided:
		return
	case s.decision.Refused():
		s.refuseGuess(offered.Mechanism)
		return
	}
	s.facts.User = s.decision.User
	if s.facts.User == "" {
		s.facts.User = offered.User
	}
	s.agree(policy.ReplyAuthenticated)
}

// refuseGuess answers to refused credentials. Each counts as an error of the session, so that a password can't be guessed
// without end, and an accepted message doesn't strike it out.
func (s *session) refuseGuess(mechanism string) {
	s.guesses++
	if !s.strike() {
		if s.explain(mechanism) {
			s.answer()
		}
		return
	}
	s.wait(s.decision.Delay)
	s.write(s.server.replies[policy.ReplyTooManyErrors], note{rule: s.decision.Rule})
}

// saslServer gives a server for c.Mechanism that fills in c.
func saslServer(c *policy.Credentials) sasl.Server {
	keep := func(identity, user, password string) error {
		c.Identity, c.User, c.Password = identity, user, password
		return nil
	}
	keepToken := func(user, token string) { c.User, c.Token = user, token }
	switch c.Mechanism {
	case sasl.Login:
		return &loginServer{keep: keep}
	case xoauth2:
		return &bearerServer{parseXOAUTH2, keepToken}
	case sasl.OAuthBearer:
		return &bearerServer{parseOAuthBearer, keepToken}
	default:
		return sasl.NewPlainServer(keep)
	}
}

// loginServer is the server's side of LOGIN, which has no RFC: draft-murchison-sasl-login §2. The challenges are those
// that clients look for. A response before the first challenge is the user.
type loginServer struct {
	keep func(identity, user, password string) error
	user *string
}

var errUnexpectedResponse = errors.New("wire: no response to LOGIN")

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && l.user == nil:
		return []byte("Username:"), false, nil
	case response == nil:
		return nil, false, errUnexpectedResponse
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.keep("", *l.user, string(response))
}
