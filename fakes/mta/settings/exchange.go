package settings

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// exchange is what the commands of Exchange 2007 and 2010 print, on one kind of server.
type exchange struct {
	r     *reading
	s     *Setup
	edges map[string]bool
}

// readExchange gives a Setup for the hub, and one for the edge where files of it are given.
func readExchange(r *reading, files []source) []*Setup {
	objects := map[Role][]Object{}
	setups := map[Role]*Setup{}
	var order []Role
	perFile := make([][]Object, len(files))
	for i, f := range files {
		perFile[i] = objectsOf(r, f.text)
	}
	edges := edgeServers(slices.Concat(perFile...))
	for i, f := range files {
		role := roleOf(f, perFile[i], edges)
		if setups[role] == nil {
			setups[role] = &Setup{Server: "exchange-hub", Role: role}
			order = append(order, role)
		}
		setups[role].Files = append(setups[role].Files, f.file)
		objects[role] = append(objects[role], perFile[i]...)
	}
	var all []*Setup
	for _, role := range order {
		s := setups[role]
		if len(edges) > 0 || setups[EdgeRole] != nil {
			s.Server = "exchange-edge"
		}
		s.Objects = r.merged(objects[role])
		(&exchange{r, s, edges}).setUp()
		all = append(all, s)
	}
	return all
}

// edgeServers gives the names of edge servers, in small letters and without domain.
func edgeServers(objects []Object) map[string]bool {
	edges := map[string]bool{}
	for _, o := range objects {
		switch {
		case o.Kind == "EdgeSubscription", o.Kind == "ExchangeServer" && o.says("ServerRole", "Edge"):
			edges[short(o.Name)] = true
		case o.Kind == "SendConnector" && strings.HasPrefix(o.Name, "EdgeSync"):
			for _, server := range o.Values["SourceTransportServers"] {
				if server.Value != "" {
					edges[short(server.Value)] = true
				}
			}
		}
	}
	return edges
}

// short is a server's name in small letters, without domain.
func short(server string) string {
	name, _, _ := strings.Cut(strings.ToLower(server), ".")
	return name
}

// roleOf tells on what kind of server a file was made: its own objects say it, or else the file's name. A hub's lists have
// the edges too.
func roleOf(f source, objects []Object, edges map[string]bool) Role {
	atEdge, atHub := false, false
	for _, o := range objects {
		if o.Kind == "EdgeSubscription" {
			return HubRole
		}
		if server := o.server(); server != "" {
			atEdge = atEdge || edges[short(server)]
			atHub = atHub || !edges[short(server)]
		}
	}
	name := strings.ToLower(filepath.Base(f.file))
	if atEdge && !atHub || strings.Contains(name, "edge") && !strings.Contains(name, "hub") {
		return EdgeRole
	}
	return HubRole
}

// server is the one that a receive connector or the settings of transport are of.
func (o Object) server() string {
	switch o.Kind {
	case "TransportServer":
		return o.Name
	case "ReceiveConnector":
		if server := o.text("Server"); server != "" {
			return server
		}
		if server, _, ok := strings.Cut(o.text("Identity"), "\\"); ok {
			return server
		}
	}
	return ""
}

// text is the first value of a property.
func (o Object) text(property string) string {
	if v := o.Values[property]; len(v) > 0 {
		return v[0].Value
	}
	return ""
}

// says tells whether a property has a value among its own.
func (o Object) says(property, value string) bool {
	return slices.ContainsFunc(o.Values[property], func(v setting) bool { return strings.EqualFold(v.Value, value) })
}

// setUp brings the objects into the common form.
func (e *exchange) setUp() {
	s := e.s
	connector := e.outbound()
	for _, name := range slices.Sorted(maps.Keys(connector.Values)) {
		for _, v := range connector.Values[name] {
			s.other(name, v)
		}
	}
	for _, o := range s.Objects {
		if o.Kind == "AcceptedDomain" {
			s.Domains = append(s.Domains, o.Values["DomainName"]...)
		}
		if o.Kind == "" || o.Kind == "SendConnector" || o.Kind == "ReceiveConnector" && o.Name != e.internal() {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(o.Values)) {
			for _, v := range o.Values[name] {
				s.other(o.Kind+"."+name, v)
			}
		}
	}
	e.relay(connector)
	e.session(connector)
	e.transport()
}

// internal is the name of the receive connector that takes what hubs send.
func (e *exchange) internal() string {
	var receive []Object
	for _, o := range e.s.Objects {
		if o.Kind == "ReceiveConnector" {
			receive = append(receive, o)
		}
	}
	for _, is := range []func(Object) bool{
		func(o Object) bool {
			return o.says("PermissionGroups", "ExchangeServers") && !o.says("Enabled", "False")
		},
		func(o Object) bool { return strings.Contains(strings.ToLower(o.Name), "internal") },
		func(o Object) bool { return !o.says("Enabled", "False") },
	} {
		if at := slices.IndexFunc(receive, is); at >= 0 {
			return receive[at].Name
		}
	}
	return ""
}

// outbound is the send connector that mail to anywhere takes: an enabled one whose address space is *, the cheapest, and
// of those that cost the same the one whose name comes first.
func (e *exchange) outbound() Object {
	var send, anywhere []Object
	for _, o := range e.s.Objects {
		if o.Kind != "SendConnector" {
			continue
		}
		send = append(send, o)
		if _, takes := e.cost(o); takes && !o.says("Enabled", "False") {
			anywhere = append(anywhere, o)
		}
	}
	slices.SortStableFunc(anywhere, func(a, b Object) int {
		costA, _ := e.cost(a)
		costB, _ := e.cost(b)
		return cmp.Or(cmp.Compare(costA, costB), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	switch {
	case len(anywhere) > 0:
		if len(anywhere) > 1 {
			e.r.warn(anywhere[0].Place, "%d send connectors take mail to anywhere; %q holds, which costs least", len(anywhere), anywhere[0].Name)
		}
		return anywhere[0]
	case len(send) > 0:
		e.r.warn(send[0].Place, "no send connector that is enabled has the address space *; %q is looked at", send[0].Name)
		return send[0]
	}
	return Object{}
}

// cost is what mail to anywhere costs by a connector; takes: it goes that way. One whose address spaces aren't printed may.
func (e *exchange) cost(o Object) (cost int, takes bool) {
	spaces := o.Values["AddressSpaces"]
	if len(spaces) == 0 {
		return 100, true
	}
	for _, space := range spaces {
		address, price, _ := strings.Cut(space.Value, ";")
		if at := strings.IndexByte(address, ':'); at >= 0 && strings.EqualFold(address[:at], "smtp") {
			address = address[at+1:]
		}
		if address != "*" {
			continue
		}
		cost := 1
		if price != "" {
			n, err := strconv.Atoi(price)
			if err != nil {
				e.r.fail(space.Place, "AddressSpaces: %q: expected SMTP:*;cost with a number", space.Value)
			}
			cost = n
		}
		return cost, true
	}
	return 0, false
}

// relay reads the smart host and the port.
func (e *exchange) relay(o Object) {
	hosts := o.Values["SmartHosts"]
	if len(hosts) == 0 {
		return
	}
	if hosts[0].Value == "" {
		e.s.Relay = as(hosts[0], Relay{})
		return
	}
	if len(hosts) > 1 {
		e.r.warn(hosts[0].Place, "SmartHosts has %d hosts, of which the first is looked at", len(hosts))
	}
	relay, err := hostAndPort(hosts[0].Value)
	if err != nil {
		e.r.fail(hosts[0].Place, "SmartHosts: %v", err)
	}
	e.s.Relay = as(hosts[0], relay)
	if port := o.Values["Port"]; len(port) > 0 {
		number, err := portNumber(port[0].Value)
		if err != nil {
			e.r.fail(port[0].Place, "Port: %v", err)
		}
		e.s.Relay.Value.Port = number
		e.s.Relay.Via = append(e.s.Relay.Via, port[0].Place)
	}
}

// session reads how the connector speaks. Source of the defaults: sending-servers 3.1, doc.
func (e *exchange) session(o Object) {
	s := e.s
	if fqdn := o.Values["Fqdn"]; len(fqdn) > 0 && fqdn[0].Value != "" {
		s.Hello = fqdn[0]
	}
	s.ImplicitTLS = byDefault(false)
	s.TLS = byDefault(OpportunisticTLS)
	for _, by := range []struct {
		property string
		level    TLS
	}{{"IgnoreSTARTTLS", NoTLS}, {"RequireTLS", RequiredTLS}, {"DomainSecureEnabled", MutualTLS}} {
		if yes := e.yes(o, by.property); yes.Value {
			s.TLS = Found[TLS]{Value: by.level, Known: true, Place: yes.Place, Text: yes.Text}
		}
	}
	s.Auth = byDefault(false)
	if mechanism := o.Values["SmartHostAuthMechanism"]; len(mechanism) > 0 {
		s.Auth = as(mechanism[0], !strings.EqualFold(mechanism[0].Value, "None") && mechanism[0].Value != "")
	}
	s.Timeouts.Idle = e.span(o, "ConnectionInactivityTimeOut", byDefault(10*time.Minute))
	s.Messages = e.bound(o, "SmtpMaxMessagesPerConnection", byDefault(20))
	s.Caching = as(setting{Place: s.Messages.Place, Text: s.Messages.Text}, s.Messages.Value != 1)
}

// transport reads Get-TransportServer.
func (e *exchange) transport() {
	s := e.s
	var o Object
	for _, each := range s.Objects {
		if each.Kind == "TransportServer" && (o.Values == nil || e.edges[short(each.Name)] == (s.Role == EdgeRole)) {
			o = each
		}
	}
	s.Host = setting{}
	if name := o.Values["Name"]; len(name) > 0 {
		s.Host = name[0]
	}
	s.Connections = e.bound(o, "MaxPerDomainOutboundConnections", byDefault(20))
	again := e.span(o, "MessageRetryInterval", byDefault(time.Minute))
	s.Retry = Retry{
		Intervals: []Found[time.Duration]{again},
		Expire:    e.span(o, "MessageExpirationTimeout", byDefault(48*time.Hour)),
		Warn:      e.span(o, "DelayNotificationTimeout", Found[time.Duration]{}),
	}
	for _, name := range []string{"OutboundConnectionFailureRetryInterval", "TransientFailureRetryInterval"} {
		e.span(o, name, Found[time.Duration]{}) // what is no time is told
	}
}

// yes reads True or False; what isn't printed is False.
func (e *exchange) yes(o Object, property string) Found[bool] {
	v := o.Values[property]
	if len(v) == 0 {
		return byDefault(false)
	}
	switch strings.ToLower(v[0].Value) {
	case "true":
		return as(v[0], true)
	case "false", "":
		return as(v[0], false)
	}
	e.r.fail(v[0].Place, "%s: %q: expected True or False", property, v[0].Value)
	return Found[bool]{}
}

// span reads a time.
func (e *exchange) span(o Object, property string, otherwise Found[time.Duration]) Found[time.Duration] {
	v := o.Values[property]
	if len(v) == 0 || v[0].Value == "" {
		return otherwise
	}
	d, err := timeSpan(v[0].Value)
	if err != nil {
		e.r.fail(v[0].Place, "%s: %v", property, err)
	}
	return as(v[0], d)
}

// bound reads a number or unlimited, which is 0.
func (e *exchange) bound(o Object, property string, otherwise Found[int]) Found[int] {
	v := o.Values[property]
	if len(v) == 0 || v[0].Value == "" {
		return otherwise
	}
	if strings.EqualFold(v[0].Value, "unlimited") {
		return as(v[0], 0)
	}
	n, err := count(v[0].Value)
	if err != nil {
		e.r.fail(v[0].Place, "%s: %v", property, err)
	}
	return as(v[0], n)
}

// timeSpan reads [days.]hours:minutes:seconds, as .NET prints it.
func timeSpan(value string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no time; write days.hours:minutes:seconds, as 00:10:00", value)
	parts := strings.Split(value, ":")
	if len(parts) != 3 {
		return 0, wrong
	}
	days, hours, hasDays := strings.Cut(parts[0], ".")
	if !hasDays {
		days, hours = "0", parts[0]
	}
	seconds, _, _ := strings.Cut(parts[2], ".")
	var total time.Duration
	for i, part := range []string{days, hours, parts[1], seconds} {
		d, err := amount(part, []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}[i])
		if err != nil || d > 1<<60 {
			return 0, wrong
		}
		total += d
	}
	return total, nil
}
