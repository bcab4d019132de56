package control

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/relayspec/relayspec/simulator"
)

// targetBody is what the relay is.
type targetBody struct {
	Name         string            `json:"name"`
	Version      string            `json:"version,omitempty"`
	Verbs        []string          `json:"verbs"`
	Capabilities []string          `json:"capabilities"`
	Ports        map[string]string `json:"ports"`
}

func (s *Server) getTarget(w http.ResponseWriter, _ *http.Request) {
	ports := map[string]string{}
	for role, address := range s.ports {
		ports[strconv.Itoa(int(role))] = address
	}
	answer(w, http.StatusOK, targetBody{
		Name: s.options.Name, Version: s.options.Version, Verbs: []string{"world", "reset", "usage", "clock"},
		Capabilities: s.capabilities(), Ports: ports,
	})
}

// fewRecipients is what every relay takes in a transaction. Source: RFC 5321 §4.5.3.1.8.
const fewRecipients = 100

// capabilities are what the relay declares of itself, by the judge's names.
func (s *Server) capabilities() []string {
	if s.options.Capabilities != nil {
		return s.options.Capabilities
	}
	limits, switches := &s.options.Service.Limits, &s.options.Service.Switches
	all := []string{"world", "reset", "usage", "clock", "exact-factors", "volume"}
	for _, c := range []struct {
		name string
		has  bool
	}{
		{"source-address", s.onLoopbackNet()},
		{"sliding-windows", !switches.FixedDay && !switches.FixedPeak},
		{"helo-suffix", !switches.HeloExact},
		{"over-100", limits.Recipients < 0 || limits.Recipients > fewRecipients},
	} {
		if c.has {
			all = append(all, c.name)
		}
	}
	return append(all, simulator.Extensions(s.options.Service)...)
}

// onLoopbackNet tells whether sessions may come from anywhere in 127.0.0.0/8: the ports are there, and so is all of it, as
// on Linux.
func (s *Server) onLoopbackNet() bool {
	for _, address := range s.ports {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !at.Addr().Is4() || !at.Addr().IsLoopback() {
			return false
		}
	}
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}
