package mutants

import (
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
)

// What a broken relay says in the dialogue of AUTH.
const (
	challenged    = "334 \r\n"
	authenticated = "235 2.7.0 Accepted\r\n"
	undecodable   = "501 5.5.2 Cannot decode response\r\n"
	notOffered    = "504 5.7.4 Unrecognized authentication type\r\n"
	outOfTurn     = "503 5.5.1 Bad sequence of commands\r\n"
)

// authentication are relays that go wrong with AUTH itself.
func authentication() []Mutant {
	return []Mutant{
		{Name: "AUTH is announced without a mechanism", Breaks: []string{"RFC4954-3/mechanisms"}, Relay: announces("AUTH", "")},
		{Name: "AUTH in a transaction is accepted", Breaks: []string{"RFC4954-4/in-transaction"}, Relay: within("MAIL", "AUTH", authenticated)},
		{Name: "AUTH in a transaction is refused with 530", Breaks: []string{"RFC4954-4/in-transaction"}, Relay: within("MAIL", "AUTH", "530 5.7.0 Not now\r\n")},
		{Name: "AUTH ends a transaction", Breaks: []string{"RFC4954-4/in-transaction"}, Relay: resetting("AUTH")},
		{Name: "a second AUTH is accepted", Breaks: []string{"RFC4954-4/once"}, Relay: within("AUTH", "AUTH", authenticated)},
		{Name: "RSET forgets who the client is", Breaks: []string{"RFC4954-4/once"}, Relay: forgetting("RSET")},
		{Name: "EHLO forgets who the client is", Breaks: []string{"RFC4954-4/once"}, Relay: forgetting("EHLO")},
		{Name: "a message forgets who the client is", Breaks: []string{"RFC4954-4/once"}, Relay: forgetting("DATA")},
		{Name: "a cancelled AUTH is 535", Breaks: []string{"RFC4954-4/cancel"}, Relay: reply(policy.ReplyAuthCancelled, func(r *policy.Reply) { r.Code = 535 })},
		{Name: "a cancelled AUTH is the last one", Breaks: []string{"RFC4954-4/cancel"}, Relay: tapped(lastAfter("501"))},
		{Name: "a response that is no base64 is 535", Breaks: []string{"RFC4954-4/undecodable"}, Relay: reply(policy.ReplyAuthDecode, func(r *policy.Reply) { r.Code = 535 })},
		{Name: "an initial response that is no base64 is asked for again", Breaks: []string{"RFC4954-4/undecodable"}, Relay: answers(to("AUTH", regexp.MustCompile(`!`), challenged))},
		{Name: "a mechanism that isn't offered is 535", Breaks: []string{"RFC4954-4/unknown-mechanism"}, Relay: reply(policy.ReplyAuthMechanism, func(r *policy.Reply) { r.Code = 535 })},
		{Name: "AUTH without a mechanism asks for something", Breaks: []string{"RFC4954-4/no-mechanism"}, Relay: answers(verbatim("AUTH", challenged))},
		{Name: "every password is right", Breaks: []string{"RFC4954-4/not-accepted", "RFC4616-2/empty", "RFC4954-6/535"}, Relay: believes(func(c *policy.Credentials) bool { return c.Token == "" })},
		{Name: "a refused AUTH is the last one", Breaks: []string{"RFC4954-4/not-accepted"}, Relay: tapped(lastAfter("535"))},
		{Name: "a wrong password is 550", Breaks: []string{"RFC4954-6/535"}, Relay: reply(policy.ReplyCredentials, func(r *policy.Reply) { r.Code = 550 })},
		{Name: "an empty initial response is none", Breaks: []string{"RFC4954-4/empty-response"}, Relay: answers(to("AUTH", regexp.MustCompile(` =$`), challenged))},
		{Name: "a response has 1,000 octets at most", Breaks: []string{"RFC4954-4/long-line"}, Relay: tapped(shortSighted)},
		{Name: "AUTH before EHLO is heard", Breaks: []string{"RFC4954-4/before-ehlo"}, Relay: tapped(func(bool) edit {
			greeted := false
			return edit{command: func(line string) ([]string, string) {
				greeted = greeted || verbOf(line) == "EHLO"
				if !greeted && verbOf(line) == "AUTH" {
					return nil, authenticated
				}
				return []string{line}, ""
			}}
		})},
		{Name: "passwords are asked for in the clear", Breaks: []string{"RFC4954-4/clear-text"}, Relay: tapped(func(encrypted bool) edit {
			return edit{command: func(line string) ([]string, string) {
				if !encrypted && verbOf(line) == "AUTH" {
					return nil, challenged
				}
				return []string{line}, ""
			}}
		})},
		{Name: "AUTH is no parameter", Breaks: []string{"RFC4954-5/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` AUTH=`), "555 5.5.4 Parameters not recognized\r\n"))},
		{Name: "a submitter has no codes", Breaks: []string{"RFC4954-5/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` AUTH=\S*\+`), "501 5.5.4 Bad address\r\n"))},
		{Name: "what is no submitter is ignored", Breaks: []string{"RFC4954-5/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(` AUTH=(?:$|\S*\+[^0-9A-F]\S*|\S*\+.$)`)))},
		{Name: "the first of two submitters counts", Breaks: []string{"RFC4954-5/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(` AUTH=\S+( AUTH=\S+)`)))},
	}
}

// mechanisms are relays that go wrong with one mechanism of AUTH.
func mechanisms() []Mutant {
	return []Mutant{
		{Name: "LOGIN takes no initial response", Breaks: []string{"RFC4954-4/login"}, Noted: true, Relay: answers(to("AUTH", regexp.MustCompile(`LOGIN .`), undecodable))},
		{Name: "mechanisms have a case", Breaks: []string{"RFC4954-8/case"}, Noted: true, Relay: answers(to("AUTH", regexp.MustCompile(`plain`), notOffered))},
		{Name: "PLAIN takes no initial response", Breaks: []string{"RFC4616-2/message"}, Relay: answers(to("AUTH", regexp.MustCompile(`PLAIN .`), undecodable))},
		{Name: "PLAIN needs an initial response", Breaks: []string{"RFC4616-2/message"}, Relay: answers(verbatim("AUTH PLAIN", undecodable))},
		{Name: "PLAIN takes no identity to act as", Breaks: []string{"RFC4616-2/own-identity"}, Relay: offered(func(c *policy.Credentials) {
			if c.Identity != "" {
				c.Password = ""
			}
		})},
		{Name: "everybody may act as anybody", Breaks: []string{"RFC4616-2/other-identity"}, Relay: offered(func(c *policy.Credentials) { c.Identity = "" })},
		{Name: "an empty password is right", Breaks: []string{"RFC4616-2/empty"}, Relay: believes(func(c *policy.Credentials) bool { return c.Token == "" && c.Password == "" })},
		{Name: "an empty user is the one to act as", Breaks: []string{"RFC4616-2/empty"}, Relay: believes(func(c *policy.Credentials) bool { return c.Token == "" && c.User == "" })},
		{Name: "PLAIN needn't have two NULs", Breaks: []string{"RFC4616-2/malformed"}, Relay: responds("PLAIN", func(response string) bool { return strings.Count(response, "\x00") != 2 })},
		{Name: "an expired token is good", Breaks: []string{"RFC7628-3.2.2/bad-token"}, Relay: customers(func(c *target.Customer) {
			c.Users = append([]target.User(nil), c.Users...)
			for i := range c.Users {
				tokens := append([]target.Token(nil), c.Users[i].Tokens...)
				for j := range tokens {
					tokens[j].Expires = time.Time{}
				}
				c.Users[i].Tokens = tokens
			}
		})},
		{Name: "every token is good", Breaks: []string{"RFC7628-3.2.2/bad-token"}, Relay: believes(func(c *policy.Credentials) bool { return c.Token != "" })},
		{Name: "every token of XOAUTH2 is good", Breaks: []string{"RFC4954-4/xoauth2"}, Noted: true, Relay: believes(func(c *policy.Credentials) bool { return c.Mechanism == "XOAUTH2" })},
		{Name: "OAUTHBEARER takes no initial response", Breaks: []string{"RFC7628-3.1/good-token"}, Relay: answers(to("AUTH", regexp.MustCompile(`OAUTHBEARER .`), undecodable))},
		{Name: "OAUTHBEARER needs an initial response", Breaks: []string{"RFC7628-3.1/good-token"}, Relay: answers(verbatim("AUTH OAUTHBEARER", undecodable))},
		{Name: "a bad token is refused without a word", Breaks: []string{"RFC7628-3.2.2/challenge"}, Relay: rewords(unexplained)},
		{Name: "OAUTHBEARER needs no bearer", Breaks: []string{"RFC7628-3.1/malformed"}, Relay: responds("OAUTHBEARER", func(response string) bool {
			return !strings.Contains(response, "\x01auth=Bearer ") || strings.Contains(response, "Bearer \x01")
		})},
	}
}

// unexplained refuses a token at once, where the relay would say why.
func unexplained(command, text string) string {
	if strings.HasPrefix(command, "AUTH OAUTHBEARER ") && strings.HasPrefix(text, "334") {
		return "535 5.7.8 Not accepted\r\n"
	}
	return text
}

// within answers a verb once another has been accepted in the session.
func within(first, verb, answer string) embedded.Options {
	return tapped(func(bool) edit {
		begun := false
		return edit{
			command: func(line string) ([]string, string) {
				if begun && verbOf(line) == verb {
					return nil, answer
				}
				return []string{line}, ""
			},
			reply: func(command, text string) string {
				begun = begun || verbOf(command) == first && text[0] == '2'
				return text
			},
		}
	})
}

// forgetting accepts AUTH again once verb came behind it.
func forgetting(verb string) embedded.Options {
	return tapped(func(bool) edit {
		known, forgotten := false, false
		return edit{
			command: func(line string) ([]string, string) {
				forgotten = forgotten || known && verbOf(line) == verb
				if forgotten && verbOf(line) == "AUTH" {
					return nil, authenticated
				}
				return []string{line}, ""
			},
			reply: func(command, text string) string {
				known = known || verbOf(command) == "AUTH" && strings.HasPrefix(text, "235")
				return text
			},
		}
	})
}

// lastAfter takes no AUTH after one with this code.
func lastAfter(code string) func(bool) edit {
	return func(bool) edit {
		over := false
		return edit{
			command: func(line string) ([]string, string) {
				if over && verbOf(line) == "AUTH" {
					return nil, outOfTurn
				}
				return []string{line}, ""
			},
			reply: func(command, text string) string {
				over = over || verbOf(command) == "AUTH" && strings.HasPrefix(text, code)
				return text
			},
		}
	}
}

// shortSighted refuses responses of more than 1,000 octets.
func shortSighted(bool) edit {
	long := false
	return edit{
		raw: func(octets []byte) []byte {
			long = long || len(octets) > 1000
			return octets
		},
		reply: func(command, text string) string {
			if long && verbOf(command) == "AUTH" && text[0] == '5' {
				return recode(text, "500")
			}
			return text
		},
	}
}

// believes accepts credentials that the policy refuses, where they are of that sort.
func believes(sort func(c *policy.Credentials) bool) embedded.Options {
	return decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
		d := next.Decide(stage, f)
		if stage == policy.Auth && f.TLS && f.Offered != nil && d.Refused() && sort(f.Offered) {
			return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyAuthenticated], User: strings.ToLower(f.Offered.User)}
		}
		return d
	})
}

// offered changes the credentials that the policy sees.
func offered(change func(c *policy.Credentials)) embedded.Options {
	return sees(func(_ reference.Decider, f *policy.Facts) {
		if f.Offered != nil {
			other := *f.Offered
			change(&other)
			f.Offered = &other
		}
	})
}

// responds accepts initial responses of a mechanism that are of some sort.
func responds(mechanism string, sort func(response string) bool) embedded.Options {
	return answers(func(line string) string {
		if response := initialOf(mechanism, line); response != "" && sort(response) {
			return authenticated
		}
		return ""
	})
}

// initialOf is the initial response of AUTH with mechanism, "" when line has none.
func initialOf(mechanism, line string) string {
	coded, found := strings.CutPrefix(line, "AUTH "+mechanism+" ")
	if !found {
		return ""
	}
	response, _ := base64.StdEncoding.DecodeString(coded) // what can't be decoded is none
	return string(response)
}
