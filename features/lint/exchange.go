package lint

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/settings"
)

// domainOf takes an address space's domain out of its form SMTP:*;1.
func domainOf(space string) string {
	if kind, rest, ok := strings.Cut(space, ":"); ok && strings.EqualFold(kind, "smtp") {
		space = rest
	}
	domain, _, _ := strings.Cut(space, ";")
	return strings.TrimSpace(domain)
}

// spaces gives the connector's address spaces, and whether * is one of them. ok: the files tell.
func (l *look) spaces() (all []settings.Found[string], any, ok bool) {
	all, ok = l.Others["AddressSpaces"]
	if !ok {
		l.silent("the files don't tell the connector's AddressSpaces")
		return nil, false, false
	}
	for _, s := range all {
		any = any || domainOf(s.Value) == "*"
	}
	return all, any, true
}

// first is the spot of a list, or of the connector.
func (l *look) first(values []settings.Found[string]) spot {
	if len(values) > 0 {
		return at(values[0])
	}
	return spot{}
}

// listed are the values of a list that has some: an empty one may be written, as {}.
func listed(values []settings.Found[string]) (words []string) {
	for _, v := range values {
		if v.Value != "" {
			words = append(words, v.Value)
		}
	}
	return words
}

// first is the first word, or another where there is none.
func first(words []string, otherwise string) string {
	if len(words) == 0 {
		return otherwise
	}
	return words[0]
}

// joined is a list as it is told of.
func joined(values []settings.Found[string]) string {
	return cmp.Or(strings.Join(listed(values), ", "), "nothing")
}

// space is EXHUB-SPACE and EXEDGE-SPACE.
func space(l *look) {
	if all, any, ok := l.spaces(); ok && !any {
		l.tell(l.first(all), "the connector's address space is "+joined(all),
			"Only mail to these domains takes the connector; * is all mail", l.write("space", l.first(all)))
	}
}

// subdomains is EXHUB-SUBDOM: * has them all.
func subdomains(l *look) {
	all, any, ok := l.spaces()
	if !ok || any {
		return
	}
	for _, s := range all {
		if !strings.HasPrefix(domainOf(s.Value), "*") {
			l.tell(at(s), "the address space "+domainOf(s.Value)+" is without its subdomains",
				"Mail to a subdomain doesn't take the connector", l.write("space", at(s)))
		}
	}
}

// smartHost is EXHUB-SMARTHOST and EXEDGE-SMARTHOST.
func smartHost(l *look) {
	relayLine(l)
	hosts := l.others("SmartHosts")
	for _, h := range hosts {
		if len(hosts) > 1 && canonical(h.Value) != Relay && canonical(h.Value) != canonical(l.Relay.Value.Host) {
			l.tell(at(h), "mail goes to the smart host "+h.Value+", too",
				"Exchange takes smart hosts in turn: a part of all mail doesn't pass the relay", l.write("relay", at(h)))
		}
	}
	for _, property := range []struct{ name, wrong, text, why string }{
		{"DNSRoutingEnabled", "true", "the connector routes by MX records",
			"The smart host isn't used as long as DNSRoutingEnabled is True"},
		{"Enabled", "false", "the connector is disabled", "No mail takes it"},
	} {
		if set, ok := l.other(property.name); ok && strings.EqualFold(set.Value, property.wrong) {
			l.tell(at(set), property.text, property.why, l.write(strings.ToLower(property.name), at(set)))
		}
	}
}

// noAuth is EXHUB-AUTH-NONE.
func noAuth(l *look) {
	set, ok := l.other("SmartHostAuthMechanism")
	if !ok {
		l.silent("the files don't tell the SmartHostAuthMechanism")
	} else if !strings.EqualFold(set.Value, "None") {
		l.tell(at(set), "the smart host's authentication is "+set.Value,
			"The document's recipe has None, so that only the server's address identifies it; with another, the relay's setting has to allow SMTP authentication", "")
	}
}

// sources is EXHUB-SOURCE.
func sources(l *look) {
	named, ok := l.Others["SourceTransportServers"]
	if !ok {
		l.silent("the files don't tell the connector's SourceTransportServers")
		return
	}
	if len(listed(named)) == 0 {
		l.tell(l.first(named), "the connector has no source servers", "No server sends what takes it", l.write("sources", l.first(named)))
		return
	}
	for _, o := range l.Objects {
		if o.Kind == "TransportServer" && !names(named, o.Name) {
			l.note(l.first(named), "the hub "+o.Name+" is no source server of the connector",
				"Mail that is sent out from it goes to one that is",
				l.write("sources", l.first(named)))
		}
	}
}

// names tells whether one of values is a server's name, alone or with a domain.
func names(values []settings.Found[string], server string) bool {
	short := func(name string) string {
		name, _, _ = strings.Cut(canonical(name), ".")
		return name
	}
	return slices.ContainsFunc(values, func(v settings.Found[string]) bool { return short(v.Value) == short(server) })
}

// edgeConnector is EXEDGE-CONNECTOR.
func edgeConnector(l *look) {
	name, ok := l.other("Name")
	if !ok {
		name, ok = l.other("Identity")
	}
	switch {
	case !ok:
		l.silent("the files don't tell the connector's name")
	case !regexp.MustCompile(`(?i)^edgesync\s*[-–]\s*.+ to internet$`).MatchString(name.Value):
		l.tell(at(name), "mail to anywhere takes the connector "+name.Value,
			"The document edits the one that the edge subscription made, EdgeSync - SITE to Internet; another one may be left out of the synchronization", "")
	}
}

// domainSecurity is EXEDGE-NO-DOMSEC.
func domainSecurity(l *look) {
	set, ok := l.other("DomainSecureEnabled")
	if !ok {
		l.silent("the files don't tell DomainSecureEnabled, which is True unless it was changed")
	} else if strings.EqualFold(set.Value, "true") {
		l.tell(at(set), "domain security is on",
			"Mutual TLS wants a certificate of the relay that the server knows, and routing by MX records, which a smart host excludes",
			l.write("domsec", at(set)))
	}
}

// subscription is EXEDGE-SUBSCRIPTION.
func subscription(l *look) {
	named, ok := l.Others["SourceTransportServers"]
	subscribed := l.others("EdgeSubscription.Name")
	switch {
	case ok && len(listed(named)) == 0:
		l.tell(l.first(named), "the connector has no source server",
			"The edge subscription has to be one: the edge sends what takes the connector",
			l.write("sources", l.first(named), "{sources}", first(listed(subscribed), "EDGE")))
	case !ok:
		l.silent("the files don't tell the connector's SourceTransportServers")
	case len(listed(subscribed)) == 0:
		l.silent("there is no Get-EdgeSubscription among the files")
	case !slices.ContainsFunc(subscribed, func(s settings.Found[string]) bool { return names(named, s.Value) }):
		l.tell(l.first(named), "the connector's source server is "+joined(named)+", and the edge subscription is "+joined(subscribed),
			"Mail is sent by a server that isn't the edge", l.write("sources", l.first(named), "{sources}", subscribed[0].Value))
	}
}

// compared are the properties that the edge must have as the hub has them.
func compared() []string {
	return []string{"AddressSpaces", "SmartHosts", "DNSRoutingEnabled", "DomainSecureEnabled", "SmartHostAuthMechanism", "Port",
		"RequireTLS", "Fqdn", "Enabled", "SmtpMaxMessagesPerConnection",
		"ConnectionInactivityTimeOut"}
}

// connectorOf finds a send connector by name.
func connectorOf(s *settings.Setup, name string) (settings.Object, bool) {
	for _, o := range s.Objects {
		if o.Kind == "SendConnector" && strings.EqualFold(o.Name, name) {
			return o, true
		}
	}
	return settings.Object{}, false
}

// sameOnBoth is EXEDGE-VERIFY.
func sameOnBoth(l *look) {
	if l.Role == settings.HubRole {
		if !slices.ContainsFunc(l.all, func(s *settings.Setup) bool { return s.Role == settings.EdgeRole }) {
			l.silent("the edge's own Get-SendConnector isn't among the files")
		}
		return // else told of at the edge
	}
	hub := l.hub()
	if hub == nil {
		l.silent("the hub's Get-SendConnector isn't among the files")
		return
	}
	name := l.connector()
	theirs, ok := connectorOf(hub, name)
	mine, here := connectorOf(l.Setup, name)
	if !ok || !here {
		l.tell(spot{}, "the edge's connector "+name+" isn't the hub's",
			"The edge gets its connectors from the hub; what was made by hand, or is old, isn't what the hub shows",
			"Start-EdgeSynchronization")
		return
	}
	for _, property := range compared() {
		a, inHub := theirs.Values[property]
		b, inEdge := mine.Values[property]
		if inHub && inEdge && joined(a) != joined(b) {
			where := l.first(b)
			if len(a) > 0 {
				where.via = append(slices.Clip(where.via), a[0].Place)
			}
			l.tell(where, fmt.Sprintf("%s is %s at the edge, and %s at the hub", property, joined(b), joined(a)),
				"The edge hasn't got the connector as it was last changed", "Start-EdgeSynchronization")
		}
	}
}

// hub gives the hub that was read beside the edge.
func (l *look) hub() *settings.Setup {
	for _, s := range l.all {
		if s != l.Setup && (s.Role == settings.HubRole || s.Server == "exchange-hub") {
			return s
		}
	}
	return nil
}

// receiving gives a property of the edge's receive connector. ok: the files tell. A hub's own connectors aren't meant.
func (l *look) receiving(property string) ([]settings.Found[string], bool) {
	if l.Role == settings.HubRole && slices.ContainsFunc(l.all, func(s *settings.Setup) bool { return s.Role == settings.EdgeRole }) {
		return nil, false
	}
	values, ok := l.Others["ReceiveConnector."+property]
	if !ok || l.Role == settings.HubRole {
		l.silent("the edge's Get-ReceiveConnector isn't among the files, or doesn't tell %s", property)
		return nil, false
	}
	return values, true
}

// hubAddresses is EXEDGE-RCV-IP. Hubs are known by the addresses that their own connectors are bound to.
func hubAddresses(l *look) {
	ranges, ok := l.receiving("RemoteIPRanges")
	if !ok {
		return
	}
	const why = "The edge takes mail from a hub only through the connector whose ranges have its address"
	if len(listed(ranges)) == 0 {
		l.tell(l.first(ranges), "the edge's receive connector has no addresses", why,
			l.write("ranges", l.first(ranges), "{address}", "ADDRESSES"))
		return
	}
	hubs := l.hubPlaces()
	if len(hubs) == 0 {
		l.silent("the files don't tell the hubs' addresses")
	}
	for _, hub := range hubs {
		if !slices.ContainsFunc(ranges, func(r settings.Found[string]) bool { return covers(r.Value, hub) }) {
			text := fmt.Sprintf("the hub %s is in none of the ranges of the edge's receive connector: %s", hub, joined(ranges))
			l.tell(l.first(ranges), text, why,
				l.write("ranges", l.first(ranges), "{address}", hub.String()))
		}
	}
}

// hubPlaces are the addresses of hubs, as far as they are written.
func (l *look) hubPlaces() []netip.Addr {
	var all []netip.Addr
	if hub := l.hub(); hub != nil {
		for _, o := range hub.Objects {
			for _, property := range []string{"Bindings", "SourceIPAddress"} {
				for _, v := range o.Values[property] {
					if a, err := netip.ParseAddr(withoutPort(v.Value)); err == nil && !a.IsUnspecified() && !a.IsLoopback() && !slices.Contains(all, a) {
						all = append(all, a)
					}
				}
			}
		}
	}
	return all
}

func withoutPort(binding string) string {
	if p, err := netip.ParseAddrPort(binding); err == nil {
		return p.Addr().String()
	}
	return binding
}

// covers tells whether a range holds a: an address, one with a prefix, or two with a hyphen.
func covers(r string, a netip.Addr) bool {
	r = strings.TrimSpace(r)
	if from, to, ok := strings.Cut(r, "-"); ok {
		first, err1 := netip.ParseAddr(strings.TrimSpace(from))
		last, err2 := netip.ParseAddr(strings.TrimSpace(to))
		return err1 == nil && err2 == nil && first.BitLen() == a.BitLen() && first.Compare(a) <= 0 && a.Compare(last) <= 0
	}
	if p, err := netip.ParsePrefix(r); err == nil {
		return p.Contains(a)
	}
	one, err := netip.ParseAddr(r)
	return err == nil && one == a
}

// has tells whether a list of words, written as one or as several values, has word.
func has(values []settings.Found[string], word string) bool {
	return slices.ContainsFunc(values, func(v settings.Found[string]) bool {
		return slices.ContainsFunc(strings.FieldsFunc(v.Value, func(r rune) bool { return r == ',' || r == ' ' }),
			func(w string) bool { return strings.EqualFold(w, word) })
	})
}

// receiveAuth is EXEDGE-RCV-AUTH.
func receiveAuth(l *look) {
	if set, ok := l.receiving("AuthMechanism"); ok && !has(set, "ExchangeServer") {
		l.tell(l.first(set), "the edge's receive connector has the authentication "+joined(set),
			"Hubs prove by Exchange Server authentication that they are hubs",
			l.write("receive-auth", l.first(set)))
	}
}

// receiveGroup is EXEDGE-RCV-PERM.
func receiveGroup(l *look) {
	if set, ok := l.receiving("PermissionGroups"); ok && !has(set, "ExchangeServers") {
		l.tell(l.first(set), "the edge's receive connector has the permission groups "+joined(set),
			"A hub that has no permission there can't hand mail over",
			l.write("receive-group", l.first(set)))
	}
}
