package features

import (
	"fmt"
	"net/netip"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// What a scenario asks of its target stands in the transcript as calls, so that it can be replayed. Their verbs are those of
// drivers, and besides:
const (
	caseCall  = "case"  // the names that the scenario's own names carry
	worldCall = "world" // target.World
	bindCall  = "bind"  // what the world's own is called on the relay, in a static target
	rolesCall = "roles" // who plays in a dialogue
	usageCall = "usage" // target.Usage
	clockCall = "clock"
	resetCall = "reset"
)

// caseNote is the body of a case call.
type caseNote struct {
	Namespace string `json:"namespace"`
	Case      string `json:"case,omitempty"`
	Volume    Volume `json:"volume,omitempty"`
}

// bindNote is the body of a bind call.
type bindNote struct {
	Names map[string]string `json:"names"`
}

// clockNote is the body of a clock call.
type clockNote struct {
	Advance float64 `json:"advance"` // seconds
}

// resetNote is the body of a reset call.
type resetNote struct {
	Customer string `json:"customer"`
}

// rolesNote is the body of a roles call: names only.
type rolesNote struct {
	Client     string   `json:"client"`
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipients"`
	User       string   `json:"user,omitempty"`
	Other      string   `json:"other,omitempty"`
	Made       bool     `json:"made,omitempty"` // they are of the world that was made for the scenario
}

// call records what is asked of the target.
func (s *scenario) call(session, verb string, body any) {
	if !s.told {
		s.told = true
		s.transcript.Call("", caseCall, caseNote{s.namespace, s.id, s.volume})
	}
	s.transcript.Call(session, verb, body)
}

// tellWorld records the world, its credentials by name.
func (s *scenario) tellWorld(w target.World) {
	for _, c := range w.Customers {
		for _, u := range c.Users {
			s.know(u, s.secret)
		}
	}
	s.call("", worldCall, w)
	if s.world.cast != nil {
		s.call("", bindCall, bindNote{s.world.cast.Names})
	}
}

// know names a user's credentials; also gives what the relay knows in the place of one.
func (s *scenario) know(u target.User, also func(string) string) {
	for _, value := range []string{u.Password, also(u.Password)} {
		s.transcript.Know(value, "password of "+u.Address)
	}
	for i, t := range u.Tokens {
		name := "token of " + u.Address
		if i > 0 {
			name = fmt.Sprintf("token %d of %s", i+1, u.Address)
		}
		if !t.Expires.IsZero() {
			name = expiredOf(u.Address)
		}
		for _, value := range []string{t.Value, also(t.Value)} {
			s.transcript.Know(value, name)
		}
	}
}

// expiredOf names a token that is good no more.
func expiredOf(user string) string { return "expired token of " + user }

// tellRoles records who plays in the dialogues of the scenario, once.
func (s *scenario) tellRoles(r *target.Roles) {
	if s.rolesTold {
		return
	}
	s.rolesTold = true
	same := func(value string) string { return value }
	s.know(r.User, same)
	s.know(r.Other, same)
	if r.Expired != "" {
		s.transcript.Know(r.Expired, expiredOf(r.User.Address))
	}
	_, _, err := s.world.user(r.User.Address)
	s.call("", rolesCall, rolesNote{r.Client, r.Sender, r.Recipients, r.User.Address, r.Other.Address, err == nil})
}

// tellConnection records how session is opened.
func (s *scenario) tellConnection(session string, sv server) {
	how := client.Connecting{Port: int(sv.port)}
	if sv.source.IsValid() {
		how.Source = sv.source.String()
	}
	s.call(session, client.ConnectCall, how)
}

// sourceOf reads the local address of a session.
func sourceOf(how client.Connecting) (netip.Addr, error) {
	if how.Source == "" {
		return netip.Addr{}, nil
	}
	source, err := netip.ParseAddr(how.Source)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the source of a session: %w", err)
	}
	return source, nil
}
