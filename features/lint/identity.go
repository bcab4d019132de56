package lint

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// isForbidden tells of the names that the document forbids. Source: HELO-FORBIDDEN, L54, L131.
func isForbidden(name string) bool {
	return slices.Contains([]string{"localhost", "localhost.localdomain", "localhost.local", Relay}, canonical(name))
}

// ownNetworks are domains that anybody may have inside, and nobody outside: RFC 6762, RFC 6761, RFC 8375, and habit.
func ownNetworks() []string {
	return []string{"localdomain", "localhost", "local", "lan", "internal", "intranet", "private", "home", "home.arpa", "workgroup",
		"invalid"}
}

// fault tells why a name doesn't identify a server; "": it may well do so.
func fault(name string) string {
	short := canonical(name)
	_, err := netip.ParseAddr(strings.TrimPrefix(strings.Trim(short, "[]"), "ipv6:"))
	switch {
	case short == "":
		return "the server presents no name"
	case isForbidden(short):
		return "the server presents itself as " + name
	case err == nil:
		return "the server presents itself as " + name + ", an address"
	case !strings.Contains(short, "."):
		return "the server presents itself as " + name + ", a bare host name"
	case within(short, ownNetworks()):
		return "the server presents itself as " + name + ", a name of an inner network"
	}
	return ""
}

// within tells whether name is one of domains, or below one.
func within(name string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		return canonical(name) == canonical(d) || strings.HasSuffix(canonical(name), "."+canonical(d))
	})
}

const generic = "General names like this one may run into the relay's limits against denial of service, which answers 421 and closes"

// unique is HELO-UNIQUE, which the document says twice.
func unique(l *look) {
	name := l.Hello
	if !name.Known {
		l.silent("the files don't tell the name that the server presents")
		return
	}
	if text := fault(name.Value); text != "" {
		l.tell(at(name), text, generic, l.write("hello", at(name)))
	}
}

// forbidden is HELO-FORBIDDEN.
func forbidden(l *look) {
	name := l.Hello
	if !name.Known {
		l.silent("the files don't tell the name that the server presents")
	} else if isForbidden(name.Value) {
		l.tell(at(name), fault(name.Value), generic, l.write("hello", at(name)))
	}
}

// anySender is about mail of others' domains: the rule holds where the console allows any address.
func anySender(l *look) {
	if l.Senders == AnySender || l.Senders == "" {
		identify(l, l.Senders == AnySender)
	}
}

// emptySender is about mail without a sender, which every server sends when it returns one.
func emptySender(l *look) { identify(l, true) }

// identified is about both.
func identified(l *look) { identify(l, true) }

// identify tells whether something says whose the server is. holds: the case in which that is needed is known to be there.
func identify(l *look, holds bool) {
	const why = "Mail without a sender, as bounces are, and with \"any address\" mail of others' domains, is taken from a server " +
		"that authenticates or presents a domain of the customer's; no recipe of the document sets up either"
	name := l.Hello
	switch instead := l.write("hello", at(name)); {
	case l.Auth.Known && l.Auth.Value:
	case !name.Known:
		l.silent("the files don't tell the name that the server presents")
	case len(l.Options.Domains) > 0 && within(name.Value, l.Options.Domains):
	case len(l.Options.Domains) > 0 || fault(name.Value) != "":
		text := "nothing says whose the server is: it doesn't authenticate, and " +
			cmp.Or(name.Value, "no name") + " is in no domain of the customer's"
		if holds {
			l.tell(at(name), text, why, instead)
		} else {
			l.note(at(name), text, why, instead)
		}
	default:
		l.note(at(name), "the server doesn't authenticate: "+name.Value+" has to be in a domain of the customer's (--domain says which)",
			why, instead)
	}
}
