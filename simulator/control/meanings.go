package control

import (
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// meaning is what a rule asks for, or what it lets pass, in a few words; empty where its name says it.
func meaning(rule policy.RuleID) string {
	chapter, _, _ := strings.Cut(string(rule), "/")
	switch chapter {
	case "AUTH-CREDS":
		return "the user is unknown, or the password or token isn't good"
	case "AUTH-IP":
		return "the client's address isn't in the list of the setting that got furthest"
	case "AUTH-METHODS":
		return "the setting that got furthest asks for neither addresses nor AUTH, so it lets nobody in"
	case "AUTH-SMTP":
		return "the setting that got furthest asks for AUTH, and nobody of the customer has authenticated"
	case "AUTH-TLS":
		return "credentials are taken over TLS only"
	case "CON-ADD-MODES":
		return "the customer has no relay setting"
	case "CON-IP-TOGGLE":
		return "every relay setting of the customer is disabled"
	case "DOS-PROTECT":
		return "the client asks too much of the relay"
	case "ELIG-LEGACY":
		return "the customer's edition has no relay"
	case "HELO-DOS-SOMETIMES":
		return "the name in HELO is one that any host could give"
	case "LIM-CUST-DAY":
		return "the customer's recipients in 24 hours, so many a licence"
	case "LIM-CUST-DAY-MAX":
		return "the customer's recipients in 24 hours, however many licences"
	case "LIM-CUST-PEAK":
		return "the customer's recipients in 10 minutes, so many a licence"
	case "LIM-CUST-PEAK-MAX":
		return "the customer's recipients in 10 minutes, however many licences"
	case "LIM-RCPT-RFC5321":
		return "the transaction has as many recipients as the service takes"
	case "LIM-UNPAID-DAY":
		return "the recipients in 24 hours of a customer that hasn't paid an invoice yet"
	case "LIM-UNPAID-PEAK":
		return "the recipients in 10 minutes of a customer that hasn't paid an invoice yet"
	case "LIM-USER-MSGS":
		return "the user's messages in 24 hours"
	case "LIM-USER-UNIQ":
		return "the user's different recipients in 24 hours"
	case "NULL-MULTI-RCPT":
		return "a message from <> has one recipient"
	case "SND-ANY":
		return "the setting takes any sender"
	case "SND-DOMAINS":
		return "the setting takes senders in the customer's domains"
	case "SND-EMPTY-IDENT":
		return "a message from <> is its customer's by AUTH or by a domain of the customer's in HELO"
	case "SND-FOREIGN-IDENT":
		return "a sender outside of every customer's domains is its customer's by AUTH or by a domain of the customer's in HELO"
	case "SND-REGISTERED":
		return "the setting takes the customer's registered users as senders"
	case "TLS-REQUIRE":
		return "the setting that got furthest asks for TLS"
	case "TRIAL-LOWER":
		return "the recipients of a customer in its trial"
	case "RFC1870-6":
		return "the message is larger than the service takes"
	case "RFC5321-6.3":
		return "the message has been through too many relays"
	case "RFC5321-4.1.4":
		return "the command comes out of its order"
	case "RFC5321-4.1.2":
		return "the command or its path can't be read"
	case "RFC5321-4.2.4":
		return "the relay doesn't know the command"
	case "fault":
		return "a fault that was asked for"
	}
	return ""
}
