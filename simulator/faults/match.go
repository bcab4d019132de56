package faults

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// occasion is a point of a session at which faults may strike.
type occasion struct {
	stage    Stage
	accepted bool // where a connection is accepted, before there is a session
	peer     netip.Addr
	facts    *policy.Facts // nil where there is no session yet
}

// active is a fault that waits for its occasion.
type active struct {
	Fault
	sender, recipient, helo, user, peerName *regexp.Regexp // nil: any
	peers                                   netip.Prefix   // invalid: any
	atAccept                                bool           // strikes where a connection is accepted
	fitted                                  int            // times that the rest of When fitted
	chance                                  *rand.Rand     // nil: always
	spent                                   bool           // its Count is used up
}

func activate(f Fault) *active {
	a := &active{
		Fault: f, sender: glob(f.When.Sender), recipient: glob(f.When.Recipient), helo: glob(f.When.Helo), user: glob(f.When.User),
		atAccept: f.On == Connect && (f.Rate > 0 || f.Drop && f.Reply == nil && f.Delay == 0),
	}
	if isGlob(f.When.Peer) {
		a.peerName = glob(f.When.Peer)
	} else if f.When.Peer != "" {
		a.peers, _ = prefixOf(f.When.Peer) // check has read it
	}
	if f.Probability > 0 && f.Probability < 1 {
		a.chance = rand.New(rand.NewPCG(f.Seed, 0))
	}
	return a
}

// strikes tells whether a strikes at o. It counts the times that a fits.
func (a *active) strikes(o *occasion) bool {
	if a.On != o.stage || a.atAccept != o.accepted || !a.fitsPeer(o.peer) || o.facts != nil && !a.fitsFacts(o.facts) {
		return false
	}
	a.fitted++
	if a.When.Nth > 0 && a.fitted%a.When.Nth != 0 {
		return false
	}
	return a.chance == nil || a.chance.Float64() < a.Probability
}

func (a *active) fitsPeer(peer netip.Addr) bool {
	return (a.peerName == nil || a.peerName.MatchString(peer.String())) && (!a.peers.IsValid() || a.peers.Contains(peer))
}

func (a *active) fitsFacts(f *policy.Facts) bool {
	user := f.User
	if f.Offered != nil {
		user = f.Offered.User
	}
	return fits(a.helo, f.Helo) && fits(a.user, user) && fits(a.sender, path(f.Sender)) && a.fitsRecipients(f)
}

func (a *active) fitsRecipients(f *policy.Facts) bool {
	if a.recipient == nil || a.On == Rcpt {
		return fits(a.recipient, path(f.Rcpt))
	}
	for i := range f.Recipients {
		if fits(a.recipient, path(f.Recipients[i])) {
			return true
		}
	}
	return false
}

func path(a policy.Address) string {
	if a.Null() {
		return "<>"
	}
	return a.String()
}

func fits(pattern *regexp.Regexp, name string) bool {
	return pattern == nil || pattern.MatchString(name)
}

func isGlob(text string) bool { return strings.ContainsAny(text, "*?") }

// glob reads * and ?, without case. nil: any.
func glob(text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
	return regexp.MustCompile(`(?is)^` + quoted + `$`)
}
