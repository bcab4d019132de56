package wire

import "github.com/relayspec/relayspec/reference/policy"

// ruleProtect is the protection against floods that the service says it has. Its thresholds are ours.
const ruleProtect policy.RuleID = "DOS-PROTECT"

// ruleOf names what a reply of the wire's own goes by, for events. The Engine's decisions name their own rules.
func ruleOf(name policy.ReplyName) policy.RuleID {
	switch name {
	case policy.ReplyGreeting:
		return "RFC5321-3.1/greeting"
	case policy.ReplyHelo, policy.ReplyEhlo, policy.ReplyEmptyHelo, policy.ReplyBadHelo:
		return "RFC5321-4.1.1.1/helo"
	case policy.ReplyMail:
		return "RFC5321-4.1.1.2/mail"
	case policy.ReplyRcpt:
		return "RFC5321-4.1.1.3/rcpt"
	case policy.ReplyData, policy.ReplyAccepted:
		return "RFC5321-4.1.1.4/data"
	case policy.ReplyChunk, policy.ReplyNoData:
		return "RFC3030-2/bdat"
	case policy.ReplyReset:
		return "RFC5321-4.1.1.5/rset"
	case policy.ReplyVerify:
		return "RFC5321-4.1.1.6/vrfy"
	case policy.ReplyHelp:
		return "RFC5321-4.1.1.8/help"
	case policy.ReplyNoop:
		return "RFC5321-4.1.1.9/noop"
	case policy.ReplyQuit:
		return "RFC5321-4.1.1.10/quit"
	case policy.ReplyNoHelo, policy.ReplyNoMail, policy.ReplyNoRcpt, policy.ReplyBadSequence:
		return "RFC5321-4.1.4/order"
	case policy.ReplySyntax:
		return "RFC5321-4.1.2/syntax"
	case policy.ReplyParameters:
		return "RFC5321-4.1.1.11/parameters"
	case policy.ReplyNonASCII:
		return "RFC6531-3.5/smtputf8"
	case policy.ReplyUnknown, policy.ReplyTooManyErrors:
		return "RFC5321-4.2.4/unknown-command"
	case policy.ReplyLineTooLong:
		return "RFC5321-4.5.3.1/line-length"
	case policy.ReplyTimeout:
		return "RFC5321-4.5.3.2/timeout"
	case policy.ReplyShutdown, policy.ReplyBusy:
		return "RFC5321-3.8/not-available"
	case policy.ReplyPeerBusy, policy.ReplyFlood, policy.ReplyExpired:
		return ruleProtect
	case policy.ReplyRecipients:
		return "RFC5321-4.5.3.1.8/recipients"
	case policy.ReplyMalformed:
		return "RFC5321-2.3.8/lines"
	case policy.ReplyLoop:
		return "RFC5321-6.3/loop"
	case policy.ReplyTooBig:
		return "RFC1870-6/size"
	case policy.ReplyStartTLS, policy.ReplyNoParameters, policy.ReplyTLSTwice, policy.ReplyTLSPipelined:
		return "RFC3207-4/starttls"
	case policy.ReplyChallenge, policy.ReplyAuthTwice, policy.ReplyAuthMechanism, policy.ReplyAuthDecode,
		policy.ReplyAuthCancelled:
		return "RFC4954-4/auth"
	case policy.ReplyTLSRequired:
		return "AUTH-TLS"
	default:
		return "" // our own failure: the cause stands in the event
	}
}
