package policy

import (
	"strings"
	"time"
)

// auth checks who somebody says they are.
//
// Replies: ReplyTLSRequired (530) without TLS; ReplyCredentials (535) for an unknown user, a wrong password, an
// authorization identity that isn't the user's own, or a token that is unknown, has expired or is another user's;
// ReplyAuthenticated (235).
// Source: AUTH-TLS, AUTH-PLAIN-IPONLY, AUTH-CREDS, documented; codes observed (relay-rules 2.19, 3.10).
func (p *Policy) auth(f *Facts) Decision {
	if !f.TLS {
		return p.say(ReplyTLSRequired, "AUTH-TLS")
	}
	user := p.credentials(f.Offered, f.Now)
	if user == nil {
		return p.say(ReplyCredentials, "AUTH-CREDS")
	}
	d := p.say(ReplyAuthenticated, "AUTH-CREDS")
	d.User = user.ID
	return d
}

// credentials gives the user that c belongs to, nil when it is wrong.
func (p *Policy) credentials(c *Credentials, now time.Time) *User {
	if c != nil && c.Token != "" {
		return p.bearer(c, now)
	}
	if c == nil || c.Identity != "" && !equalFold(c.Identity, c.User) {
		return nil
	}
	address := split(c.User)
	user := p.Directory.User(address)
	if !p.Directory.CheckPassword(user, c.Password) {
		return nil
	}
	return user
}

// bearer gives the user that the token belongs to, nil where the client says it is another one.
func (p *Policy) bearer(c *Credentials, now time.Time) *User {
	user := p.Directory.Bearer(c.Token, now)
	if user == nil || c.User != "" && p.Directory.User(split(c.User)) != user {
		return nil
	}
	return user
}

// split takes local@domain apart, without looking at its grammar.
func split(s string) Address {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Address{Local: s}
	}
	return Address{Local: s[:at], Domain: strings.ToLower(s[at+1:])}
}
