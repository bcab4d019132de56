package island

import (
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// Exchanger is the address of whoever takes mail for the domains that the resolver knows: a sink may listen there.
const Exchanger = "127.0.0.53"

// exchangerName is its name, under which the resolver knows it, too.
const exchangerName = "mx.example.net."

// lifetime is how many seconds a record may be kept.
const lifetime = 60

// given are the addresses of hosts that the island was made with: Options.Names, in lower case and ended with a dot.
type given map[string]string

// names writes the names as givenNames reads them.
func (o Options) names() string {
	var all []string
	for name, address := range o.Names {
		all = append(all, name+"="+address)
	}
	return strings.Join(all, " ")
}

func givenNames(text string) given {
	all := given{}
	for _, one := range strings.Fields(text) {
		name, address, _ := strings.Cut(one, "=")
		all[dns.Fqdn(strings.ToLower(name))] = address
	}
	return all
}

// resolve answers as the one server that there is. It knows the names that it was given, and those that RFC 2606 and RFC
// 6761 keep for examples and tests: each is a host and a domain whose mail goes to Exchanger. Loopback addresses are
// localhost's. Nothing else is there, and nobody is asked.
func (g given) resolve(query *dns.Msg) *dns.Msg {
	answer := new(dns.Msg).SetReply(query)
	answer.RecursionAvailable = true
	if len(query.Question) != 1 {
		return answer.SetRcode(query, dns.RcodeFormatError)
	}
	question := query.Question[0]
	records := g.recordsOf(strings.ToLower(question.Name))
	if records == nil {
		answer.Rcode = dns.RcodeNameError
	}
	for _, data := range records[question.Qtype] {
		record, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", question.Name, lifetime, dns.TypeToString[question.Qtype], data))
		if err != nil { // the name is none that can be written
			return answer.SetRcode(query, dns.RcodeServerFailure)
		}
		answer.Answer = append(answer.Answer, record)
	}
	return answer
}

// recordsOf gives the records of a name, by their types; nil: there is no such name.
func (g given) recordsOf(name string) map[uint16][]string {
	if address := g[name]; address != "" {
		return map[uint16][]string{dns.TypeA: {address}}
	}
	for host := range g { // who finds no exchanger of a host's searches for one in his own domain
		if strings.HasPrefix(name, host) {
			return nil
		}
	}
	switch {
	case within(name, "localhost."):
		return map[uint16][]string{dns.TypeA: {"127.0.0.1"}, dns.TypeAAAA: {"::1"}}
	case within(name, "127.in-addr.arpa.") || name == reverseOf("::1"):
		return map[uint16][]string{dns.TypePTR: {"localhost."}}
	case name == Name+".":
		return map[uint16][]string{dns.TypeA: {"127.0.0.1"}, dns.TypeMX: {"10 " + Name + "."}}
	case within(name, domain+"."):
		return nil
	case name == exchangerName:
		return map[uint16][]string{dns.TypeA: {Exchanger}}
	}
	for _, domain := range []string{"example.", "example.com.", "example.net.", "example.org.", "test."} {
		if within(name, domain) {
			return map[uint16][]string{dns.TypeA: {Exchanger}, dns.TypeMX: {"10 " + exchangerName}}
		}
	}
	return nil
}

func within(name, domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }

// reverseOf is the name that an address is looked up by.
func reverseOf(address string) string {
	name, err := dns.ReverseAddr(address)
	if err != nil {
		panic(err) // a constant of ours
	}
	return name
}

// serveNames answers at address over UDP and TCP until the process ends.
func serveNames(address string, names given) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("serve names: %w", err)
	}
	listener, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		return fmt.Errorf("serve names: %w", err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		_ = w.WriteMsg(names.resolve(query)) // who has gone misses nothing
	})
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		go server.ActivateAndServe() // it ends with the process
	}
	return nil
}
