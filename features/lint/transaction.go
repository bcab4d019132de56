package lint

import (
	"fmt"

	"github.com/relayspec/relayspec/fakes/mta/settings"
)

// reuse is DOS-CONN-REUSE.
func reuse(l *look) {
	const why = "A server that sends much and opens a connection for each message runs into the relay's limits against denial of service"
	caching, messages := l.Caching, l.Messages
	switch {
	case caching.Known && !caching.Value && caching.Written():
		l.tell(at(caching), "connections aren't used again", why, l.write("reuse", at(caching)))
	case messages.Known && messages.Value == 1 && messages.Written():
		l.tell(at(messages), "a connection carries one message", why, l.write("reuse", at(messages)))
	case caching.Known && !caching.Value:
		l.note(at(caching), "this server uses no connection again", why, l.write("reuse", at(caching)))
	case !caching.Known:
		l.silent("the files don't tell whether connections are used again")
	default:
		reuseInTLS(l, why)
	}
}

// reuseInTLS is about a server that has a switch of its own for connections in TLS. Source: sending-servers 1, observed.
func reuseInTLS(l *look, why string) {
	const name = "smtp_tls_connection_reuse"
	again := l.write("reuse-tls", spot{})
	if again == "" || !l.TLS.Known || l.TLS.Value == settings.NoTLS {
		return
	}
	set, written := l.other(name)
	if written && set.Value == "yes" {
		return
	}
	text := "connections in TLS aren't used again"
	if l.RequireTLS || l.TLS.Value == settings.RequiredTLS {
		l.tell(at(set), text, why, again)
	} else {
		l.note(at(set), text, why, again)
	}
}

// recipients is LIM-RCPT-RFC5321.
func recipients(l *look) {
	n := l.Recipients
	switch {
	case !n.Known:
		l.silent("the files don't tell how many recipients a transaction has")
	case n.Value > 100 || n.Value == 0 && n.Written():
		l.tell(at(n), "a transaction may have "+bound(n.Value),
			"More than 100 may be refused: RFC 5321 makes a relay take no more, and those behind get 452",
			l.write("recipients", at(n), "{count}", "100"))
	}
}

// nullSender is NULL-MULTI-RCPT. Most bounces have one recipient, so that a default is no fault by itself.
func nullSender(l *look) {
	n := l.Recipients
	const why = "The relay takes one recipient for mail without a sender; the refusal of the others reaches nobody"
	switch {
	case !n.Known:
		l.silent("the files don't tell how many recipients a transaction has")
	case n.Value == 1:
	case n.Written():
		l.weigh(should, at(n), "a transaction may have "+bound(n.Value)+", also where the sender is empty", why,
			l.write("null-sender", at(n)))
	default:
		l.note(at(n), "a transaction may have "+bound(n.Value)+" by default, also where the sender is empty", why,
			l.write("null-sender", at(n)))
	}
}

// bound says how many recipients, of a number of which 0 means any.
func bound(n int) string {
	if n == 0 {
		return "any number of recipients"
	}
	return fmt.Sprintf("%d recipients", n)
}
