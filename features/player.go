package features

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// player plays a script on a target.
type player struct {
	*scenario
	script      *Script
	credentials map[string]string // by name
	recorded    *cast             // the names of the relay that the script was recorded on; nil: the scenario's own
	parts       *cast             // the recorded roles and those that play them here; nil: the same
	caster      *target.Roles     // of t; nil: it has none
	understudy  map[string]bool   // users whom the user of t's roles plays
	talks       map[string]*talk
	order       []*talk
	played      *Played
}

// talk is a session that is played.
type talk struct {
	conn   *client.Conn
	over   string // why nothing more can be said; "": it can
	spared bool   // what comes up to the next reply isn't said: the relay doesn't wait for it
	clear  bool   // STARTTLS was refused
	said   string // the last line, credentials left out
	chunk  bool   // what comes next is a chunk
	asked  string // mechanism of the last AUTH
	answer int    // how many answers to it were said
}

func (s *Script) newPlayer(t target.Target) (*player, error) {
	fresh, err := newNamespace()
	if err != nil {
		return nil, err
	}
	if n := len(fresh); len(s.namespace) >= n {
		fresh += s.namespace[n:] // as long as it was: the octets of a chunk are counted
	}
	p := &player{
		scenario: newScenario(judged{target: t, namespace: fresh, transcript: &transcript.Transcript{Keep: -1}}),
		script:   s, credentials: map[string]string{}, understudy: map[string]bool{}, talks: map[string]*talk{},
		played: &Played{Target: t.Describe(), namespace: fresh},
	}
	p.world.applied = true // until a call makes one
	if s.bound != nil {
		p.recorded = newCast(target.Binding{Names: s.bound})
	}
	if caster, ok := t.(target.Caster); ok {
		if roles := caster.Roles(); roles.Sender != "" {
			p.caster = &roles
		}
	}
	return p, nil
}

// renamed gives recorded text in the fresh names of the scenario.
func (p *player) renamed(text string) string {
	if p.script.namespace == "" {
		return text
	}
	return strings.ReplaceAll(text, p.script.namespace, p.namespace)
}

// here gives recorded text in the names of the target.
func (p *player) here(text string) string {
	if p.recorded != nil {
		text = p.recorded.own.apply(text)
	}
	if p.parts != nil {
		text = p.parts.real.apply(text)
	}
	return p.real(p.renamed(text))
}

// there gives what the target said in the recorded names.
func (p *player) there(text string) string {
	text = p.own(text)
	if p.parts != nil {
		text = p.parts.own.apply(text)
	}
	if p.script.namespace != "" {
		text = strings.ReplaceAll(text, p.namespace, p.script.namespace)
	}
	if p.recorded != nil {
		text = p.recorded.real.apply(text)
	}
	return text
}

// step plays step i. Its error says that the script can't be played here; what the relay does is no error.
func (p *player) step(ctx context.Context, i int) error {
	step := &p.script.plan[i]
	switch step.Do {
	case client.DoCall:
		return p.ask(ctx, step, p.script.calls[i])
	case client.DoConnect:
		return p.connect(ctx, step)
	}
	t := p.talks[step.Session]
	switch step.Do {
	case client.DoSay, client.DoRaw, client.DoContent:
		return p.utter(i, step, t)
	case client.DoHandshake:
		p.handshake(ctx, step, t)
	case client.DoHear:
		p.hear(ctx, step, t)
	case client.DoWait, client.DoEnd:
		p.await(step, t)
	case client.DoClose:
		t.end((*client.Conn).Close, "the client had closed the connection")
	case client.DoDrop:
		t.end((*client.Conn).Drop, "the client had dropped the connection")
	}
	return nil
}

// end ends the client's side.
func (t *talk) end(how func(*client.Conn) error, why string) {
	if t.conn != nil {
		how(t.conn) // it is over either way
	}
	t.conn, t.over = nil, why
}

func (p *player) hangUpAll() {
	for _, t := range p.order {
		t.end((*client.Conn).Close, "it is over")
	}
}

// ask asks what a call says of the target.
func (p *player) ask(ctx context.Context, step *client.Step, called calledStep) error {
	switch step.Verb {
	case worldCall:
		return p.makeWorld(ctx, *called.world)
	case rolesCall:
		return p.castRoles(ctx)
	case usageCall:
		u := *called.usage
		u.Customer, u.User = p.renamed(u.Customer), p.renamed(u.User)
		return p.setUsage(ctx, u)
	case clockCall:
		return p.advance(ctx, time.Duration(called.clock.Advance*float64(time.Second)))
	case resetCall:
		resetter, ok := p.target.(target.Resetter)
		if !ok {
			return &Missing{target.CanReset}
		}
		return verb(target.CanReset, "reset a customer", resetter.Reset(ctx, p.renamed(called.reset)))
	}
	return nil // it was read before
}

// makeWorld makes the recorded world under fresh names, its credentials fresh. Where the roles of the dialogues were of it,
// and the target has roles of its own, these play.
func (p *player) makeWorld(ctx context.Context, w target.World) error {
	if p.caster != nil && p.script.roles != nil && p.script.roles.Made {
		return nil
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	var fresh target.World
	if err := json.Unmarshal([]byte(p.renamed(string(text))), &fresh); err != nil {
		return err
	}
	p.world.customers, p.world.applied = nil, false
	for i := range fresh.Customers {
		c := &fresh.Customers[i]
		for j := range c.Users {
			p.freshen(&c.Users[j])
		}
		p.world.customers = append(p.world.customers, c)
	}
	if err := p.make(ctx); err != nil {
		return err
	}
	p.world.applied = true
	for name, value := range p.credentials {
		p.credentials[name] = p.secret(value)
	}
	return nil
}

// named matches the name that stands for a credential.
var named = regexp.MustCompile(`^\{(.+)\}$`)

// freshen gives a user credentials in the place of the names of those that it had.
func (p *player) freshen(u *target.User) {
	u.Password = p.freshFor(u.Password)
	for i := range u.Tokens {
		u.Tokens[i].Value = p.freshFor(u.Tokens[i].Value)
		if !u.Tokens[i].Expires.IsZero() {
			u.Tokens[i].Expires = time.Unix(1, 0).UTC() // it was good no more, and is so by any clock
		}
	}
}

func (p *player) freshFor(value string) string {
	m := named.FindStringSubmatch(value)
	if m == nil {
		return value
	}
	if p.credentials[m[1]] == "" {
		p.credentials[m[1]] = "replayed." + rand.Text()
	}
	return p.credentials[m[1]]
}

// castRoles has the roles of the target play those that were recorded.
func (p *player) castRoles(ctx context.Context) error {
	recorded := p.script.roles
	if p.caster == nil && recorded.Made {
		return nil // they are of the world that was made
	}
	roles := p.caster
	if roles == nil {
		if p.parts != nil {
			return nil
		}
		made, err := p.madeUpRoles(ctx)
		if err != nil {
			return err
		}
		roles = made
	}
	names := map[string]string{recorded.Client: roles.Client, recorded.Sender: roles.Sender}
	domainOf := func(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
	for i, r := range recorded.Recipients {
		if domain, any := strings.CutPrefix(r, "*@"); any {
			for n := range 100 {
				if to, err := (words{roles: *roles}).recipient(strconv.Itoa(n + 1)); err == nil {
					names[fmt.Sprintf("r%d@%s", n+1, domain)] = to
				}
			}
			names[domain] = domainOf(roles.Recipients[0])
			continue
		}
		if to, err := (words{roles: *roles}).recipient(strconv.Itoa(i + 1)); err == nil {
			names[r] = to
		}
	}
	for _, user := range []struct {
		recorded string
		here     target.User
		expired  string
	}{{recorded.User, roles.User, roles.Expired}, {recorded.Other, roles.Other, ""}} {
		if user.recorded == "" || user.here.Address == "" {
			continue
		}
		names[user.recorded] = user.here.Address
		p.credentials["password of "+user.recorded] = user.here.Password
		p.credentials["token of "+user.recorded] = bearer(user.here)
		p.credentials[expiredOf(user.recorded)] = user.expired
	}
	if domain := domainOf(recorded.Sender); names[domain] == "" {
		names[domain] = domainOf(roles.Sender)
	}
	delete(names, "")
	p.parts = newCast(target.Binding{Names: names})
	p.tellRoles(roles)
	return nil
}

// madeUpRoles makes a world for roles that were a relay's own where this one has none.
func (p *player) madeUpRoles(ctx context.Context) (*target.Roles, error) {
	p.world.customers, p.world.applied, p.talk.roles = nil, false, nil
	roles, err := p.cast(ctx)
	return roles, err
}

// connect opens a session.
func (p *player) connect(ctx context.Context, step *client.Step) error {
	source, err := sourceOf(step.Connect)
	if err != nil {
		return err
	}
	t := &talk{}
	p.talks[step.Session], p.order = t, append(p.order, t)
	turn := Turn{Line: step.Line, Session: step.Session, Did: "connects", Failed: step.Refused}
	dialer, err := p.dialer(server{port: p.portOf(step.Connect), source: source, name: cmp.Or(step.Session, "1")})
	if err == nil {
		t.conn, err = dialer.Dial(ctx)
	}
	if err != nil {
		turn.Fails, turn.Why = true, client.Explain(err)
		t.over = "it isn't connected"
	} else {
		t.conn.Until(ctx)
	}
	p.played.add(turn)
	return nil
}

// portOf is the documented port that a session goes to.
func (p *player) portOf(how client.Connecting) target.Role {
	port := target.Role(how.Port)
	if port == 0 {
		for _, role := range []target.Role{target.Port25, target.Port465, target.Port587} {
			if strings.HasSuffix(how.Address, fmt.Sprintf(":%d", role)) {
				port = role
			}
		}
	}
	if port == 0 || how.Port == 0 && p.target.Address(port) == "" {
		return usualPort(p.target)
	}
	return port
}
