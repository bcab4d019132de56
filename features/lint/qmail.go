package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/settings"
)

// qmailRoute is QM-ROUTE.
func qmailRoute(l *look) {
	r := l.route()
	relayHost(l)
	if r.Known && canonical(r.Value.Host) == Relay && r.Value.Brackets {
		l.weigh(should, at(r), "the relay host stands in brackets", "qmail takes them for the beginning of an address, and finds no host",
			l.write("relay", at(r)))
	}
}

// qmailInternal is QM-ROUTE-INTERNAL: mail for domains of the customer that this host doesn't deliver itself needs a line.
func qmailInternal(l *look) {
	local := func(domain string) bool {
		return slices.ContainsFunc(l.Setup.Domains,
			func(d settings.Found[string]) bool { return canonical(d.Value) == canonical(domain) })
	}
	for _, domain := range l.Options.Domains {
		if _, ok := l.Routes[domain]; !ok && !local(domain) && !covered(l.Routes, domain) {
			l.note(spot{place: l.route().Place}, "mail to "+domain+" goes to the relay, too",
				"A domain that other servers of yours take has a line of its own, which wins over the default", domain+":your-internal-server")
		}
	}
	for _, domain := range sorted(l.Routes) {
		r := l.Routes[domain]
		if domain != "" && domain != "*" && r.Known && canonical(r.Value.Host) == Relay && within(domain, l.Options.Domains) {
			l.tell(at(r), "mail to "+domain+" is led to the relay", "An internal domain's line names the server that takes its mail",
				domain+":your-internal-server")
		}
	}
}

// covered tells whether a line for a domain above, which begins with a dot, is about domain.
func covered(routes map[string]settings.Found[settings.Relay], domain string) bool {
	for above := range routes {
		if strings.HasPrefix(above, ".") && strings.HasSuffix("."+canonical(domain), canonical(above)) {
			return true
		}
	}
	return false
}

// sorted gives the domains of routes in order.
func sorted(routes map[string]settings.Found[settings.Relay]) []string {
	return slices.Sorted(maps.Keys(routes))
}
