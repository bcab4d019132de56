package mutants

import (
	"regexp"
	"slices"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// dsn are relays that announce DSN, which the reference doesn't, and don't keep to RFC 3461.
func dsn() []Mutant {
	const refused = "555 5.5.4 Parameters not recognized\r\n"
	to := func(verb, match string) embedded.Options {
		return answers(to(verb, regexp.MustCompile(match), refused))
	}
	omits := func(verb, match string) embedded.Options { return hears(omits(verb, regexp.MustCompile(match))) }
	all := []Mutant{
		{Name: "DSN is announced with a parameter", Breaks: []string{"RFC3461-2/no-parameter"}, Relay: announces("DSN", "yes")},
		{Name: "RET is no parameter", Breaks: []string{"RFC3461-4/mail-parameters"}, Relay: to("MAIL", `(?i) RET=`)},
		{Name: "ENVID has no codes", Breaks: []string{"RFC3461-4/mail-parameters"}, Relay: to("MAIL", ` ENVID=\S*\+`)},
		{Name: "ENVID has 31 characters", Breaks: []string{"RFC3461-4/mail-parameters"}, Relay: to("MAIL", ` ENVID=\S{32,}`)},
		{Name: "ENVID is no parameter", Breaks: []string{"RFC3461-4/mail-parameters"}, Relay: to("MAIL", ` ENVID=Q`)},
		{Name: "NOTIFY is no parameter", Breaks: []string{"RFC3461-4/rcpt-parameters"}, Relay: to("RCPT", `(?i) NOTIFY=`)},
		{Name: "NOTIFY is one word", Breaks: []string{"RFC3461-4/rcpt-parameters"}, Relay: to("RCPT", ` NOTIFY=\S*,`)},
		{Name: "ORCPT is no parameter", Breaks: []string{"RFC3461-4/rcpt-parameters"}, Relay: to("RCPT", ` ORCPT=`)},
		{Name: "a message with notifications isn't taken", Breaks: []string{"RFC3461-4/taken"}, Relay: tapped(silencing)},
		{Name: "what is no RET or ENVID is ignored", Breaks: []string{"RFC3461-4/mail-malformed"}, Relay: omits("MAIL", ` (?:RET=ALL|RET=|ENVID=|ENVID=a\+zz|NOTIFY=NEVER)$`)},
		{Name: "the first of two RET or ENVID counts", Breaks: []string{"RFC3461-4/mail-malformed"}, Relay: omits("MAIL", ` (?:RET|ENVID)=\S+( (?:RET|ENVID)=\S+)`)},
		{Name: "ENVID has no end", Breaks: []string{"RFC3461-4/mail-malformed"}, Relay: omits("MAIL", ` ENVID=x{101}`)},
		{Name: "NEVER may stand among others", Breaks: []string{"RFC3461-4/rcpt-malformed"}, Relay: omits("RCPT", ` NOTIFY=(?:NEVER,\S+|\S+,NEVER)`)},
		{Name: "what is no NOTIFY or ORCPT is ignored", Breaks: []string{"RFC3461-4/rcpt-malformed"}, Relay: omits("RCPT", ` (?:NOTIFY=SOMETIMES|NOTIFY=|NOTIFY=SUCCESS,|ORCPT=|ORCPT=[^;]*|ORCPT=rfc822;a\+zz|RET=FULL)$`)},
		{Name: "the first of two NOTIFY or ORCPT counts", Breaks: []string{"RFC3461-4/rcpt-malformed"}, Relay: omits("RCPT", ` (?:NOTIFY|ORCPT)=\S+( (?:NOTIFY|ORCPT)=\S+)`)},
	}
	for i := range all {
		all[i].Relay.Service = announcing("DSN")
	}
	return all
}

// announcing puts a keyword at the end of the reply to EHLO.
func announcing(keyword string) func(*policy.Service) {
	return func(s *policy.Service) { s.Capabilities = append(slices.Clone(s.Capabilities), keyword) }
}

// silencing refuses DATA of a transaction whose sender or recipients asked for notifications.
func silencing(bool) edit {
	asked := regexp.MustCompile(` (RET|ENVID|NOTIFY|ORCPT)=`)
	wanted := false
	return edit{command: func(line string) ([]string, string) {
		wanted = wanted || asked.MatchString(line)
		if wanted && verbOf(line) == "DATA" {
			return nil, "554 5.3.3 No notifications here\r\n"
		}
		return []string{line}, ""
	}}
}
