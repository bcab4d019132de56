package policy

import (
	"strconv"
	"strings"
)

// RuleID names a rule: of the document (LIM-USER-MSGS) or of an RFC (RFC5321-4.1.1.4/nested-mail).
type RuleID string

// Reply is an SMTP reply. Lines may hold {id} (session id) and {unix} (seconds since 1970), which wire fills in when it writes.
type Reply struct {
	Code     int      // 211 to 559; 0: no reply
	Enhanced string   // class.subject.detail, on every line; empty: none
	Lines    []string // without code, separator and CRLF
	Wrap     int      // lines longer than this many octets are broken at spaces when expanded; 0: never
}

// Expand returns r with each {name} replaced. Pairs are name, value, name, value ...
func (r Reply) Expand(pairs ...string) Reply {
	olds := make([]string, len(pairs))
	for i, s := range pairs {
		if i%2 == 0 {
			s = "{" + s + "}"
		}
		olds[i] = s
	}
	replacer := strings.NewReplacer(olds...)
	lines := make([]string, 0, len(r.Lines))
	for _, line := range r.Lines {
		lines = appendWrapped(lines, replacer.Replace(line), r.Wrap)
	}
	r.Lines = lines
	return r
}

// appendWrapped adds line to lines, broken at spaces so that each piece has at most width octets where its words allow.
// The service's own line breaks stay; only what grew past width through its values is broken. A width of 0 breaks nothing.
func appendWrapped(lines []string, line string, width int) []string {
	for width > 0 && len(line) > width {
		at := strings.LastIndexByte(line[:width+1], ' ')
		if at <= 0 {
			at = strings.IndexByte(line[1:], ' ') + 1
		}
		if at <= 0 {
			break
		}
		lines = append(lines, line[:at])
		line = line[at+1:]
	}
	return append(lines, line)
}

// Append adds r in its wire form, CRLF included, to dst. Source: RFC 5321 §4.2.1, RFC 2034 §4 (enhanced code on each line).
func (r Reply) Append(dst []byte) []byte {
	for i, line := range r.Lines {
		dst = strconv.AppendInt(dst, int64(r.Code), 10)
		separator := byte('-')
		if i == len(r.Lines)-1 {
			separator = ' '
		}
		dst = append(dst, separator)
		if r.Enhanced != "" {
			dst = append(dst, r.Enhanced...)
			dst = append(dst, ' ')
		}
		dst = append(dst, line...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// ReplyName names a reply of a service: the key under replies: in its file.
type ReplyName string

// The replies that every service file must give. wire speaks the first group, policy the second.
const (
	ReplyGreeting      ReplyName = "greeting"        // 220
	ReplyHelo          ReplyName = "helo"            // 250 to HELO, and the first line to EHLO
	ReplyEhlo          ReplyName = "ehlo"            // 250, first line; {peer}
	ReplyMail          ReplyName = "mail"            // 250 to MAIL
	ReplyRcpt          ReplyName = "rcpt"            // 250 to RCPT
	ReplyData          ReplyName = "data"            // 354
	ReplyChunk         ReplyName = "chunk"           // 250 to BDAT that isn't the last; {octets}
	ReplyAccepted      ReplyName = "accepted"        // 250 to the final dot, and to the last BDAT
	ReplyReset         ReplyName = "reset"           // 250 to RSET
	ReplyNoop          ReplyName = "noop"            // 250
	ReplyHelp          ReplyName = "help"            // 214
	ReplyVerify        ReplyName = "vrfy"            // 252
	ReplyQuit          ReplyName = "quit"            // 221
	ReplyStartTLS      ReplyName = "starttls"        // 220
	ReplyChallenge     ReplyName = "challenge"       // 334; {challenge}
	ReplyAuthenticated ReplyName = "authenticated"   // 235
	ReplyEmptyHelo     ReplyName = "empty-helo"      // 501, closes
	ReplyBadHelo       ReplyName = "bad-helo"        // 501, closes; {helo}
	ReplyNoHelo        ReplyName = "no-helo"         // 503
	ReplyNoMail        ReplyName = "no-mail"         // 503
	ReplyNoRcpt        ReplyName = "no-rcpt"         // 503
	ReplyBadSequence   ReplyName = "bad-sequence"    // 503: nested MAIL, STARTTLS or AUTH in a transaction
	ReplyNoData        ReplyName = "no-data"         // 503: DATA after BDAT
	ReplyNonASCII      ReplyName = "non-ascii"       // 553: an address beyond ASCII without SMTPUTF8
	ReplyParameters    ReplyName = "parameters"      // 555: a parameter of MAIL or RCPT that isn't offered
	ReplySyntax        ReplyName = "syntax"          // 555
	ReplyLineTooLong   ReplyName = "line-too-long"   // 500
	ReplyUnknown       ReplyName = "unknown"         // 502
	ReplyTooManyErrors ReplyName = "too-many-errors" // 502, closes
	ReplyNoParameters  ReplyName = "no-parameters"   // 501: STARTTLS with an argument
	ReplyTLSTwice      ReplyName = "tls-twice"       // 454: STARTTLS may not be repeated
	ReplyTLSPipelined  ReplyName = "tls-pipelined"   // 454: commands pipelined after STARTTLS
	ReplyAuthTwice     ReplyName = "auth-twice"      // 503
	ReplyAuthMechanism ReplyName = "auth-mechanism"  // 504
	ReplyAuthDecode    ReplyName = "auth-decode"     // 501
	ReplyAuthCancelled ReplyName = "auth-cancelled"  // 501
	ReplyTooBig        ReplyName = "too-big"         // 552
	ReplyMalformed     ReplyName = "malformed"       // 554: bare CR or LF, NUL
	ReplyLoop          ReplyName = "loop"            // 554: too many Received fields
	ReplyTimeout       ReplyName = "timeout"         // 451 or 421, closes
	ReplyShutdown      ReplyName = "shutdown"        // 421, closes
	ReplyBusy          ReplyName = "busy"            // 421, closes: too many sessions
	ReplyPeerBusy      ReplyName = "peer-busy"       // 421, closes: too many sessions of one address
	ReplyExpired       ReplyName = "expired"         // 421, closes: too many transactions
	ReplyFlood         ReplyName = "flood"           // 421, closes: too many that bring no message on
	ReplyFailure       ReplyName = "failure"         // 451: our own failure

	ReplyHeloRefused  ReplyName = "helo-refused"  // 421, closes
	ReplyTLSRequired  ReplyName = "tls-required"  // 530
	ReplyAuthRequired ReplyName = "auth-required" // 530
	ReplyCredentials  ReplyName = "credentials"   // 535
	ReplyInvalidRelay ReplyName = "invalid-relay" // 550 5.7.1; {peer}
	ReplyRelayDenied  ReplyName = "relay-denied"  // 550 5.7.0; {peer} {domains}
	ReplyUnmanaged    ReplyName = "unmanaged"     // 550 5.7.0; {peer} {domains}
	ReplyNullSender   ReplyName = "null-sender"   // 550 5.5.3
	ReplyRecipients   ReplyName = "too-many-rcpt" // 452 4.5.3
	ReplyUserLimit    ReplyName = "user-limit"    // 550 5.4.5
	ReplyCustomerDay  ReplyName = "customer-day"  // 550 5.7.1
	ReplyCustomerPeak ReplyName = "customer-peak" // 450 4.2.1
)

// ReplyNames lists every reply that a service must give.
func ReplyNames() []ReplyName {
	return []ReplyName{
		ReplyGreeting, ReplyHelo, ReplyEhlo, ReplyMail, ReplyRcpt, ReplyData, ReplyChunk,
		ReplyAccepted, ReplyReset, ReplyNoop, ReplyHelp, ReplyVerify, ReplyQuit,
		ReplyStartTLS, ReplyChallenge, ReplyAuthenticated, ReplyEmptyHelo, ReplyBadHelo, ReplyNoHelo,
		ReplyNoMail, ReplyNoRcpt, ReplyBadSequence, ReplyNoData, ReplyNonASCII, ReplyParameters, ReplySyntax, ReplyLineTooLong, ReplyUnknown,
		ReplyTooManyErrors, ReplyNoParameters, ReplyTLSTwice, ReplyTLSPipelined, ReplyAuthTwice, ReplyAuthMechanism,
		ReplyAuthDecode, ReplyAuthCancelled, ReplyTooBig, ReplyMalformed, ReplyLoop, ReplyTimeout, ReplyShutdown,
		ReplyBusy, ReplyPeerBusy, ReplyExpired, ReplyFlood, ReplyFailure, ReplyHeloRefused, ReplyTLSRequired, ReplyAuthRequired, ReplyCredentials,
		ReplyInvalidRelay, ReplyRelayDenied, ReplyUnmanaged, ReplyNullSender, ReplyRecipients, ReplyUserLimit,
		ReplyCustomerDay, ReplyCustomerPeak,
	}
}
