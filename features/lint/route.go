package lint

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// googleName is the relay's name as the document writes it once. Source: DOS-SCOPE-HOSTS, L52.
const googleName = "smtp-relay.google.com"

// slips are how many letters of the relay's name may be wrong for it to be what was meant. smtp.gmail.com is six away.
const slips = 3

// route is where mail to anywhere goes: a route for all domains wins over the relay host.
func (l *look) route() settings.Found[settings.Relay] {
	for _, all := range []string{"*", ""} {
		if r, ok := l.Routes[all]; ok && r.Known {
			return r
		}
	}
	return l.Relay
}

// canonical brings a host's name into the form in which names are compared.
func canonical(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
}

// misnamed tells what is wrong with the name of a relay host, and why it matters. misspelt: another name was meant.
func misnamed(host string) (text, why string, misspelt bool) {
	host = canonical(host)
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == Relay:
		return "", "", false
	case host == "":
		return "there is no relay host: mail goes to each domain's own hosts",
			"Mail that doesn't pass the relay is neither filtered nor archived there, and has to be accepted from this server's address",
			false
	case host == googleName:
		return "the relay host is " + host + ", a name that the document writes once, and by mistake",
			"All other places of the document, and its recipes, have " + Relay + "; nothing says that the other name is served", true
	case yamlfile.Distance(host, Relay) <= slips:
		return fmt.Sprintf("the relay host is %s: %s is meant", host, Relay),
			"The name leads nowhere, or to somebody else, who would get all mail", true
	case err == nil:
		return "the relay host is the address " + host,
			"The relay's addresses change, and its certificate is for its name", false
	case host == "smtp.gmail.com":
		return "the relay host is smtp.gmail.com, which is Gmail's own submission service",
			"It wants a user's password, and counts by Gmail's limits, not by the relay's", false
	}
	return "the relay host is " + host, "Mail goes elsewhere, not through the relay", false
}

// relayHost is HOST-RELAY.
func relayHost(l *look) {
	r := l.route()
	if !r.Known {
		l.silent("the files name no relay host")
		return
	}
	if text, why, _ := misnamed(r.Value.Host); text != "" {
		l.tell(at(r), text, why, l.relayAs(r.Value, at(r)))
	}
}

// spelling is DOS-SCOPE-HOSTS, which is about every route, too.
func spelling(l *look) {
	if r := l.route(); !r.Known {
		l.silent("the files name no relay host")
	} else if text, why, misspelt := misnamed(r.Value.Host); misspelt {
		l.tell(at(r), text, why, l.relayAs(r.Value, at(r)))
	}
	for _, domain := range sorted(l.Routes) {
		r := l.Routes[domain]
		if text, why, misspelt := misnamed(r.Value.Host); misspelt && domain != "" && domain != "*" {
			l.tell(at(r), "mail to "+domain+": "+text, why, "")
		}
	}
}

// relayAs is the line that has the relay's name, on the port that is there unless it is none of the relay's.
func (l *look) relayAs(r settings.Relay, where spot) string {
	if r.Port == 587 || l.RequireTLS {
		return l.write("port587", where)
	}
	return l.write("relay", where)
}

// relayLine is what each recipe says in its own words: the host, and for some no brackets.
func relayLine(l *look) {
	relayHost(l)
	r := l.route()
	if r.Known && r.Value.Brackets && canonical(r.Value.Host) == Relay {
		l.weigh(should, at(r), "the relay host stands in brackets",
			"So it isn't looked up as the document has it: its MX records aren't asked for, and mail goes to the name's addresses alone",
			l.relayAs(r.Value, at(r)))
	}
}

// port is PORT-PLAIN.
func port(l *look) {
	r := l.route()
	if !r.Known {
		l.silent("the files name no relay host")
	}
	if r.Value.Host == "" {
		return // HOST-RELAY tells of it
	}
	n, implicit := portOf(r.Value), l.ImplicitTLS.Known && l.ImplicitTLS.Value
	switch {
	case n != 25 && n != 465 && n != 587:
		l.tell(at(r), fmt.Sprintf("mail goes to port %d", n), "The relay is served on the ports 25, 465 and 587",
			cmp.Or(l.write("port", at(r)), l.relayAs(r.Value, at(r))))
	case n == 465 && !implicit:
		l.tell(at(r), "mail goes to port 465, and TLS isn't spoken from the start",
			"On port 465 the relay awaits TLS before it greets, although the document names the port where TLS isn't required; "+
				"each would wait for the other to speak", l.write("port587", at(r)))
	case n != 465 && implicit:
		l.tell(at(l.ImplicitTLS), fmt.Sprintf("TLS is spoken from the start, on port %d", n),
			"On that port the relay greets in clear, and begins TLS when STARTTLS is said", l.write("port587", at(l.ImplicitTLS)))
	}
}

func portOf(r settings.Relay) int {
	if r.Port == 0 {
		return 25
	}
	return r.Port
}

// port587 is PORT-587-TLS: about the console's setting, or one that requires TLS by itself.
func port587(l *look) {
	r, tls := l.route(), l.TLS
	if !r.Known {
		l.silent("the files name no relay host")
	}
	if r.Value.Host == "" {
		return // HOST-RELAY tells of it
	}
	n := portOf(r.Value)
	required := tls.Known && (tls.Value == settings.RequiredTLS || tls.Value == settings.MutualTLS)
	clear := tls.Known && tls.Value == settings.NoTLS && !(l.ImplicitTLS.Known && l.ImplicitTLS.Value)
	const refused = "Where \"Require TLS encryption\" is ticked in the console, the relay refuses what comes in clear, and port 587 is the one to use"
	switch {
	case n == 465 && l.ImplicitTLS.Known && l.ImplicitTLS.Value && !l.RequireTLS: // encrypted, on a port of the document's
		l.note(at(r), "mail goes to port 465", refused, l.write("port587", at(r)))
	case (l.RequireTLS || required) && n != 587:
		l.tell(at(r), fmt.Sprintf("TLS is required, and mail goes to port %d", n), refused, l.write("port587", at(r)))
	case l.RequireTLS && clear:
		l.tell(at(tls), "mail goes in clear, and TLS is required", refused, l.write("port587", at(tls)))
	case l.RequireTLS && !tls.Known:
		l.silent("the files don't tell whether mail goes in TLS")
	case l.RequireTLS && tls.Value == settings.OpportunisticTLS:
		l.note(at(tls), "mail goes in clear where the relay doesn't offer STARTTLS", refused, l.write("port587", at(tls)))
	case n == 25 || clear && n == 587:
		how := map[bool]string{true: " in clear"}[clear]
		l.note(at(r), fmt.Sprintf("mail goes to port %d%s, as the document's recipe has it", n, how),
			refused+"; the recipe as it stands fails then", l.write("port587", at(r)))
	}
}

// authInTLS is AUTH-TLS and AUTH-PLAIN-IPONLY.
func authInTLS(l *look) {
	switch {
	case !l.Auth.Known || !l.Auth.Value:
	case !l.TLS.Known:
		l.silent("the files don't tell whether mail goes in TLS")
	case l.ImplicitTLS.Known && l.ImplicitTLS.Value:
	case l.TLS.Value == settings.NoTLS:
		l.tell(at(l.Auth), "the server authenticates, and doesn't use TLS",
			"The relay takes credentials in TLS only; in clear there is no AUTH, and only the server's address identifies it",
			l.write("port587", at(l.Auth)))
	case l.TLS.Value == settings.OpportunisticTLS:
		where := at(l.TLS)
		if !where.written {
			where = at(l.Auth)
		}
		l.note(where, "the server authenticates, and uses TLS only where it is offered",
			"Should STARTTLS not be offered once, mail goes on without AUTH, or the password in clear", l.write("port587", where))
	}
}
