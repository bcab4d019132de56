package mta

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// relayOf gives the host:port that recipient's mail goes to, as the profile names it.
func (s *Server) relayOf(recipient string) string {
	r := &s.profile.Route
	if len(r.Domains) > 0 {
		domain := strings.ToLower(recipient[strings.LastIndexByte(recipient, '@')+1:])
		if elsewhere, ok := r.elsewhere(domain); ok {
			return withPort(elsewhere.Value, 25)
		}
	}
	return net.JoinHostPort(r.Host.Value, strconv.Itoa(r.Port.Value))
}

// elsewhere finds where mail for a domain goes, if not to the relay: .corp.example is all that is below corp.example.
func (r *Route) elsewhere(domain string) (sourced.Value[string], bool) {
	to, ok := r.Domains[domain]
	for rest, more := domain, true; !ok && more; {
		if _, rest, more = strings.Cut(rest, "."); more {
			to, ok = r.Domains["."+rest]
		}
	}
	return to, ok
}

func withPort(host string, port int) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// routed groups recipients by where their mail goes, in the order in which relays come first.
func (s *Server) routed(recipients []string) (relays []string, those map[string][]string) {
	those = map[string][]string{}
	for _, recipient := range recipients {
		relay := s.relayOf(recipient)
		if _, known := those[relay]; !known {
			relays = append(relays, relay)
		}
		those[relay] = append(those[relay], recipient)
	}
	return relays, those
}

// dial connects to a relay: to the first of its addresses that takes the connection.
func (s *Server) dial(ctx context.Context, relay string) (net.Conn, error) {
	addresses, err := s.addresses(ctx, relay)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, address := range addresses {
		c, err := s.options.Dial(ctx, "tcp", address)
		if err == nil {
			return c, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// addresses are where a relay may be reached, the preferred one first.
func (s *Server) addresses(ctx context.Context, relay string) ([]string, error) {
	host, port, err := net.SplitHostPort(relay)
	if err != nil {
		return nil, fmt.Errorf("the relay %q: %w", relay, err)
	}
	if to, ok := s.options.Hosts[host]; ok {
		return []string{to}, nil
	}
	if s.options.Relay != "" && host == s.profile.Route.Host.Value {
		return []string{s.options.Relay}, nil
	}
	if net.ParseIP(host) != nil || s.options.Resolve == nil {
		return []string{relay}, nil
	}
	hosts, err := s.resolve(ctx, host)
	for i := range hosts {
		hosts[i] = net.JoinHostPort(hosts[i], port)
	}
	return hosts, err
}

// resolve asks DNS for the addresses of a name, with the look-ups that the profile makes.
func (s *Server) resolve(ctx context.Context, name string) ([]string, error) {
	lookups := s.profile.Route.Lookup.Value
	names := []string{name}
	if slices.Contains(lookups, MX) {
		if mx := s.exchanges(ctx, name); len(mx) > 0 {
			names = mx
		}
	}
	var found []string
	var failed []error
	for _, name := range names {
		addresses, err := s.options.Resolve.LookupHost(ctx, name)
		if err != nil {
			failed = append(failed, err)
		}
		for _, address := range addresses {
			v6 := strings.Contains(address, ":")
			if v6 && slices.Contains(lookups, AAAA) || !v6 && slices.Contains(lookups, A) {
				found = append(found, address)
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.Join(append(failed, fmt.Errorf("the relay %s has no address", name))...)
	}
	return found, nil
}

// exchanges are the hosts that take mail for a name, the preferred one first; none: it has no MX, or nobody knows.
func (s *Server) exchanges(ctx context.Context, name string) []string {
	records, err := s.options.Resolve.LookupMX(ctx, name)
	if err != nil {
		return nil
	}
	slices.SortStableFunc(records, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	hosts := make([]string, len(records))
	for i, record := range records {
		hosts[i] = strings.TrimSuffix(record.Host, ".")
	}
	return hosts
}
