package features

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Script is a transcript that can be played again.
type Script struct {
	plan      client.Plan
	namespace string             // that the scenario's names carry; "": there was no scenario
	bound     map[string]string  // the scenario's names -> those of the relay that it was recorded on
	roles     *rolesNote         // nil: no dialogue of the protocol
	calls     map[int]calledStep // by the index in plan
}

// calledStep is a call that was read.
type calledStep struct {
	world *target.World // credentials stand in it by their names
	usage *target.Usage
	clock *clockNote
	reset string
}

// Incomplete says of the transcript of a case that it hasn't got everything: the case sends more than a transcript keeps.
type Incomplete struct {
	Case   string // its ID
	Volume Volume // with which it was judged
	Err    error  // a *transcript.LineError
}

func (i *Incomplete) Error() string { return i.Err.Error() }

// Unwrap gives the cause.
func (i *Incomplete) Unwrap() error { return i.Err }

// ReadScript reads a transcript. The error is a *transcript.LineError where a line is wrong, or something is missing behind
// it: the file was cut. Around it is an *Incomplete where a case sent more than was kept.
func ReadScript(r io.Reader) (*Script, error) {
	entries, lines, err := transcript.ParseLines(r)
	if err != nil {
		return nil, err
	}
	plan, err := client.PlanOf(entries, lines)
	if errors.Is(err, client.ErrLeftOut) {
		return nil, notWhole(entries, err)
	}
	if err != nil {
		return nil, err
	}
	s := &Script{plan: plan, calls: map[int]calledStep{}}
	for i := range plan {
		if plan[i].Do != client.DoCall {
			continue
		}
		if err := s.call(i); err != nil {
			return nil, &transcript.LineError{Line: plan[i].Line, Err: err}
		}
	}
	return s, nil
}

// notWhole is err with the case whose transcript it is, where it is one's.
func notWhole(entries []transcript.Entry, err error) error {
	for _, e := range entries {
		var note caseNote
		verb, body := e.Verb()
		if e.Kind == transcript.Call && verb == caseCall && json.Unmarshal(body, &note) == nil && note.Case != "" {
			return &Incomplete{note.Case, note.Volume, err}
		}
	}
	return err
}

// call reads the call that is step i.
func (s *Script) call(i int) error {
	step, called := &s.plan[i], calledStep{}
	var err error
	read := func(into any) {
		if err = json.Unmarshal(step.Body, into); err == nil && step.Verb != caseCall { // of the case's ID nothing is played
			err = transcript.Misnamed(step.Body)
		}
		if err != nil {
			err = fmt.Errorf("what follows %s can't be read: %w", step.Verb, err)
		}
	}
	switch step.Verb {
	case caseCall:
		var note caseNote
		read(&note)
		s.namespace = note.Namespace
	case bindCall:
		var note bindNote
		read(&note)
		s.bound = note.Names
	case rolesCall:
		s.roles = &rolesNote{}
		read(s.roles)
	case worldCall:
		called.world = &target.World{}
		read(called.world)
	case usageCall:
		called.usage = &target.Usage{}
		read(called.usage)
	case clockCall:
		called.clock = &clockNote{}
		read(called.clock)
		if err == nil && (called.clock.Advance < 0 || called.clock.Advance > maxAdvance) {
			err = fmt.Errorf("the clock can't be moved by %g s", called.clock.Advance)
		}
	case resetCall:
		var note resetNote
		read(&note)
		called.reset = note.Customer
	default:
		return fmt.Errorf("nobody knows the call %q", step.Verb)
	}
	s.calls[i] = called
	return err
}

// maxAdvance is how far a replay moves a clock at once: a hundred years, in seconds.
const maxAdvance = 100 * 365 * 24 * 3600

// Unplayable says that a script can't be played on a target, and at which line.
type Unplayable struct {
	Line int // of the transcript; 0: none
	Err  error
}

func (u *Unplayable) Error() string {
	if u.Line == 0 {
		return u.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", u.Line, u.Err)
}

// Unwrap gives the cause.
func (u *Unplayable) Unwrap() error { return u.Err }

// Play says what the client's side of the script says, on t, and hears what t answers.
//
// The world of a scenario is made again under fresh names, with fresh credentials; on a relay whose customers or roles have
// names of their own these are said in the place of the recorded ones. Where a relay answers otherwise what is said next is
// left out if it would be taken for something else: the text of a message that the relay doesn't ask for, say. Every wait is
// bounded as t's sessions are.
//
// The error is *Unplayable: a verb that t lacks, credentials that nobody knows.
func (s *Script) Play(ctx context.Context, t target.Target) (*Played, error) {
	p, err := s.newPlayer(t)
	if err != nil {
		return nil, err
	}
	defer p.hangUpAll()
	for i := range s.plan {
		if err := p.step(ctx, i); err != nil {
			return nil, &Unplayable{s.plan[i].Line, err}
		}
		if ctx.Err() != nil {
			return nil, &Unplayable{s.plan[i].Line, context.Cause(ctx)}
		}
	}
	p.hangUpAll()
	p.played.Entries = p.transcript.Entries()
	return p.played, nil
}

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

// utter says a line, sends octets or a content.
func (p *player) utter(i int, step *client.Step, t *talk) error {
	turn := Turn{Line: step.Line, Session: step.Session, Said: shownStep(step)}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "the relay doesn't wait for it")
		p.played.add(turn)
		return nil
	}
	p.played.add(turn)
	text, err := p.textOf(step, t)
	if err != nil {
		return err
	}
	switch step.Do {
	case client.DoContent:
		data := []byte(p.here(string(step.Data)))
		if t.chunk {
			err = t.conn.WriteRaw(data)
		} else {
			err = t.conn.WriteContent(data)
		}
	case client.DoRaw:
		err = raw(t.conn, text, step.Apart)
	default:
		t.note(step.Text)
		err = t.conn.WriteLine(p.recount(i, text))
	}
	_ = err // what the relay said before it closed is read by the next step, which meets the end, too
	return nil
}

// raw sends octets, each in a write of its own where they went apart.
func raw(conn *client.Conn, octets string, apart bool) error {
	if !apart {
		return conn.WriteRaw([]byte(octets))
	}
	for i := range len(octets) {
		if err := conn.WriteRaw([]byte(octets[i : i+1])); err != nil {
			return err
		}
	}
	return nil
}

// note keeps what was said last.
func (t *talk) note(line string) {
	t.said = line
	words := strings.Fields(strings.ToUpper(line))
	t.chunk = len(words) > 0 && words[0] == "BDAT"
	if len(words) > 1 && words[0] == "AUTH" {
		t.asked, t.answer = words[1], 0
	}
}

// textOf gives what is to be said: names of the target, credentials that it knows.
func (p *player) textOf(step *client.Step, t *talk) (string, error) {
	switch {
	case step.Secret != nil:
		return transcript.Join(step.Secret, p.here, p.credential)
	case step.Veiled:
		return p.improvise(step.Text, t)
	}
	if step.Do == client.DoRaw {
		return p.chunksHere(step.Text), nil
	}
	return p.here(step.Text), nil
}

// chunksHere is here for octets in which whole chunks may stand behind their commands: their lengths are counted anew.
func (p *player) chunksHere(octets string) string {
	var b strings.Builder
	for octets != "" {
		at := strings.Index(octets, "\r\n")
		if at < 0 {
			break
		}
		line, rest := octets[:at], octets[at+2:]
		m := chunkSize.FindStringSubmatch(line)
		n := 0
		if m != nil {
			n, _ = strconv.Atoi(m[2]) // what is no int is longer than rest
		}
		if m == nil || n <= 0 || n > len(rest) {
			b.WriteString(p.here(line) + "\r\n")
			octets = rest
			continue
		}
		chunk := p.here(rest[:n])
		b.WriteString(m[1] + strconv.Itoa(len(chunk)) + m[3] + "\r\n" + chunk)
		octets = rest[n:]
	}
	b.WriteString(p.here(octets))
	return b.String()
}

// credential gives the credential of a name.
func (p *player) credential(name string) (string, error) {
	for _, known := range []string{name, p.renamed(name)} {
		if value := p.credentials[known]; value != "" {
			return value, nil
		}
	}
	kind, user, _ := strings.Cut(name, " of ")
	switch {
	case p.caster == nil || p.caster.User.Address == "":
	case kind == "password" && p.caster.User.Password != "":
		return p.caster.User.Password, p.understudies(user)
	case kind == "token" && bearer(p.caster.User) != "":
		return bearer(p.caster.User), p.understudies(user)
	}
	return "", fmt.Errorf("nobody knows the %s here: bind roles.user in the profile, with what it authenticates by", name)
}

// understudies has the user of the target's roles play one whom only the script knows.
func (p *player) understudies(user string) error {
	if strings.EqualFold(user, p.caster.User.Address) || p.understudy[user] {
		return nil
	}
	p.understudy[user] = true
	p.played.Notes = append(p.played.Notes, fmt.Sprintf("%s plays %s", p.caster.User.Address, user))
	names := map[string]string{user: p.caster.User.Address}
	if p.parts != nil {
		for from, to := range p.parts.Names {
			names[from] = to
		}
	}
	p.parts = newCast(target.Binding{Names: names})
	return nil
}

// improvise makes credentials where the script has none, not even their names: those of the user of the target's roles.
func (p *player) improvise(line string, t *talk) (string, error) {
	if p.caster == nil || p.caster.User.Password == "" {
		return "", errors.New("credentials stand there that the transcript leaves out: bind roles.user in the profile, and they are said instead")
	}
	user, words := p.caster.User, strings.Fields(line)
	if len(words) == 3 && strings.EqualFold(words[0], "AUTH") {
		t.note(line)
	}
	answer := ""
	switch {
	case t.asked == "PLAIN":
		answer = base64Of("\x00" + user.Address + "\x00" + user.Password)
	case t.asked == "LOGIN" && t.answer == 0:
		answer = base64Of(user.Address)
	case t.asked == "LOGIN":
		answer = base64Of(user.Password)
	default:
		return "", fmt.Errorf("credentials for AUTH %s stand there that the transcript leaves out, and nobody can make them", t.asked)
	}
	t.answer++
	return strings.Replace(line, transcript.Redacted, answer, 1), nil
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// chunkSize matches a command that says how long the chunk behind it is.
var chunkSize = regexp.MustCompile(`(?i)^(BDAT )(\d+)(.*)$`)

// recount gives a BDAT command the length that its chunk has with the names of the target.
func (p *player) recount(i int, line string) string {
	m := chunkSize.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	for _, next := range p.script.plan[i+1:] {
		if next.Session != p.script.plan[i].Session {
			continue
		}
		chunk := next.Text
		if next.Do == client.DoContent {
			chunk = string(next.Data)
		} else if next.Do != client.DoRaw {
			return line
		}
		if strconv.Itoa(len(chunk)) == m[2] {
			return m[1] + strconv.Itoa(len(p.here(chunk))) + m[3]
		}
		return line
	}
	return line
}

// handshake does the TLS handshake where the relay agreed to it.
func (p *player) handshake(ctx context.Context, step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, Did: "does the TLS handshake", Failed: step.Refused}
	switch {
	case t.over != "" || t.clear:
		turn.Gone = cmp.Or(t.over, "the relay refused STARTTLS")
	case !t.conn.TLS():
		if err := t.conn.Handshake(ctx); err != nil {
			turn.Fails, turn.Why = true, client.Explain(err)
			t.end((*client.Conn).Close, "the TLS handshake failed")
		}
	}
	p.played.add(turn)
}

// hear reads a reply, and makes the session go on where another one came than was recorded.
func (p *player) hear(ctx context.Context, step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, To: t.said, Want: step.Reply, Marked: step.Marked, Differs: step.Differs, Heard: true}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "what it answers wasn't said")
		t.spared = t.spared && step.Reply.Intermediate()
		p.played.add(turn)
		return
	}
	reply, err := t.conn.ReadReply()
	if err != nil {
		turn.Gone = client.Explain(err)
		t.end((*client.Conn).Close, "the session had failed")
		if client.Ended(err) {
			t.over = "the relay had closed the connection"
		}
		p.played.add(turn)
		return
	}
	turn.Got = p.recordedNames(reply)
	p.played.add(turn)
	p.goOn(ctx, step.Reply, reply, t)
}

// recordedNames gives a reply in the recorded names.
func (p *player) recordedNames(reply client.Reply) client.Reply {
	lines := make([]string, len(reply.Lines))
	for i, line := range reply.Lines {
		lines[i] = p.there(line)
	}
	return client.Reply{Code: reply.Code, Lines: lines}
}

// goOn brings a session to where it was, as far as that can be, when the relay answers otherwise.
func (p *player) goOn(ctx context.Context, was, is client.Reply, t *talk) {
	starting := strings.EqualFold(strings.TrimSpace(t.said), "STARTTLS")
	switch {
	case was.Intermediate() && !is.Intermediate():
		t.spared = true
	case is.Code == 354 && !was.Intermediate():
		t.conn.Cmd(".") // a message of nothing: what comes next is no text of a message
	case is.Code == 334 && !was.Intermediate():
		t.conn.Cmd("*") // RFC 4954 §4
	case starting && was.Code == 220 && is.Code != 220:
		t.clear = true
	case starting && was.Code != 220 && is.Code == 220:
		if t.conn.Handshake(ctx) != nil {
			t.end((*client.Conn).Close, "the TLS handshake failed")
		}
	}
}

// await waits for the relay to end the connection, or to say nothing.
func (p *player) await(step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, To: t.said, Did: "hears nothing in time"}
	if step.Do == client.DoEnd {
		turn.Did = "sees the relay close the connection"
	}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "what it answers wasn't said")
		if step.Do == client.DoEnd && t.over == "the relay had closed the connection" {
			turn.Gone = ""
		}
		p.played.add(turn)
		return
	}
	ended, instead := ends(t.conn)
	switch {
	case instead.Code != 0:
		turn.Fails, turn.Why = true, "the relay says "+p.recordedNames(instead).String()
	case ended != (step.Do == client.DoEnd):
		turn.Fails, turn.Why = true, "the relay closes the connection"
		if !ended {
			turn.Why = "the connection is still open after " + farewell.String()
		}
	}
	p.played.add(turn)
	t.end((*client.Conn).Close, "the relay had closed the connection")
}

// shownStep is what a step says, for people.
func shownStep(step *client.Step) string {
	if step.Do == client.DoContent {
		return fmt.Sprintf("(content of %d octets)", len(step.Data))
	}
	e := transcript.Entry{Kind: transcript.Client, Text: step.Text, Secret: step.Veiled}
	if step.Do == client.DoRaw {
		e.Kind, e.Secret = transcript.Raw, step.Veiled && step.Text == transcript.Redacted
	}
	_, text, _ := strings.Cut(e.String(), ": ")
	return text
}
