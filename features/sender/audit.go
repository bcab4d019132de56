package sender

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// auditEmbedded has the feature by which an auditing relay judges: what a server does of itself, nobody setting it up.
//
//go:embed audit/*.feature
var auditEmbedded embed.FS

// SeesNotices: notices of the server's own come to the relay. Those to users of its own it may deliver itself.
const SeesNotices = target.Capability("notices")

// KnowsDomains: it is known which domains are the server's.
const KnowsDomains = target.Capability("domains")

// AuditOptions of Audit. Suite must be LoadAudit's; Ports must be given.
type AuditOptions struct {
	Suite   *features.Suite
	Ports   []AuditPort
	Domains []string // of the customer; none: what is to be in one of them can't be judged
	// Least is how long a server must wait before it tries again; 0: 1 minute, the shortest interval of the document.
	Least time.Duration
	// Within bounds how long a second try and a notice are waited for; 0: 2 hours.
	Within time.Duration
	// Senders ends the audit when so many were judged to the end; 0: it goes on until ctx is done.
	Senders int
	Tool    reports.Tool
	// Ready is told where the relay listens. Awaits is told what a sender is to do now, Found what a case came to, one call
	// at a time each; nil: nobody.
	Ready  func(addresses []string)
	Awaits func(a *Audited, what string)
	Found  func(a *Audited, c reports.Case, count, chosen int)
}

// AuditPort is where the auditing relay listens.
type AuditPort struct {
	Address     string
	ImplicitTLS bool
}

// Audited is a sender that came, known by its address and by the name that it presents.
type Audited struct {
	Address netip.Addr
	Hello   string
	Run     *reports.Run // when it has ended

	audit  *audit
	script *relay.Script
	walk   *walk // the scenario under way; nil: none
}

// Name is what reports call it.
func (a *Audited) Name() string { return fmt.Sprintf("%s [%s]", a.Hello, a.Address) }

// audit is an auditing relay that runs.
type audit struct {
	AuditOptions
	relays []*served

	mu      sync.Mutex
	senders []*Audited
	changed chan struct{} // closed when anything has come
	ended   int           // senders that were judged to the end
	judging sync.WaitGroup
	begin   func(*Audited)
	done    context.CancelFunc
	telling sync.Mutex
}

// LoadAudit reads the audit's feature. An error lists every fault with its file and line.
func LoadAudit() (*features.Suite, error) {
	catalogue, err := features.LoadCatalogue()
	if err != nil {
		return nil, err
	}
	party := features.Party{Subjects: []string{"sender"}, Capabilities: []target.Capability{SeesNotices, KnowsDomains}}
	suite, err := features.ParseSuiteOf(party, auditEmbedded, "features/sender", catalogue)
	if err != nil {
		return nil, fmt.Errorf("the feature of the audit: %w", err)
	}
	return suite, nil
}

// Audit serves an auditing relay. Each sender that comes is walked through the cases as its messages come, several at once.
// It ends when ctx is done, or after AuditOptions.Senders; each that came has its Run then.
//
// Error: nothing can be listened on.
func Audit(ctx context.Context, o AuditOptions) ([]*Audited, error) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	a := &audit{AuditOptions: o.withDefaults(), changed: make(chan struct{}), done: done}
	a.begin = func(s *Audited) { a.judging.Go(func() { a.judge(ctx, s) }) }
	defer func() {
		for _, s := range a.relays {
			s.hangUp()
		}
	}()
	addresses, err := a.listen(ctx)
	if err != nil {
		return nil, err
	}
	if a.Ready != nil {
		a.Ready(addresses)
	}
	<-ctx.Done()
	a.mu.Lock()
	a.begin = func(*Audited) {} // who comes now is too late
	came := a.senders
	a.mu.Unlock()
	a.judging.Wait()
	return came, nil
}

func (o AuditOptions) withDefaults() AuditOptions {
	if o.Least == 0 {
		o.Least = time.Minute
	}
	if o.Within == 0 {
		o.Within = 2 * time.Hour
	}
	return o
}

// listen starts the relay on each port.
func (a *audit) listen(ctx context.Context) (addresses []string, err error) {
	if len(a.Ports) == 0 {
		return nil, errors.New("no port is named to listen on")
	}
	authority, err := relay.NewAuthority(nil)
	if err != nil {
		return nil, err
	}
	for _, port := range a.Ports {
		s := &served{address: port.Address, port: port.number()}
		s.Relay, err = relay.Start(context.WithoutCancel(ctx), relay.Options{
			Listen: port.Address, ImplicitTLS: port.ImplicitTLS, Script: plainScript(), Authority: authority,
			Choose: a.choose, Observe: func(e relay.Event) { a.happened(s, e) }, Keep: 10_000,
		})
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		a.relays = append(a.relays, s)
		a.mu.Unlock()
		addresses = append(addresses, s.Relay.Address())
	}
	return addresses, nil
}

// number is the port's, as the documented ones are called: where TLS comes first it is 465.
func (p AuditPort) number() int {
	if p.ImplicitTLS {
		return 465
	}
	_, port, _ := net.SplitHostPort(p.Address)
	number, _ := strconv.Atoi(port) // a name of a port is as good as none
	return number
}

// plainScript is how the auditing relay answers where no case is about it.
func plainScript() relay.Script {
	return relay.Script{
		Ext: []string{
			"SIZE 157286400", "8BITMIME", "STARTTLS", "AUTH LOGIN PLAIN", "ENHANCEDSTATUSCODES", "PIPELINING", "SMTPUTF8",
		},
		AuthAfterTLS: true,
	}
}

// choose gives a session the script of its sender: known when it has said its name.
func (a *audit) choose(p relay.Peer) *relay.Script {
	if p.Verb == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sender(p.Remote.Addr().Unmap(), p.Hello).script
}

// sender finds who comes from that address under that name; whoever is new is judged from now on. a.mu is held.
func (a *audit) sender(address netip.Addr, hello string) *Audited {
	for _, s := range a.senders {
		if s.Address == address && strings.EqualFold(s.Hello, hello) {
			return s
		}
	}
	script := plainScript()
	s := &Audited{Address: address, Hello: hello, audit: a, script: &script}
	a.senders = append(a.senders, s)
	a.begin(s)
	return s
}

// happened wakes who waits, and writes what came into the transcript of the case that it is for.
func (a *audit) happened(on *served, e relay.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.senders {
		if s.walk != nil && s.Address == e.Remote.Addr().Unmap() && strings.EqualFold(s.Hello, e.Hello) {
			record(s.walk.Transcript(), on.named(e.Session), on.port, e)
		}
	}
	close(a.changed)
	a.changed = make(chan struct{})
}

// judge walks a sender through the cases.
func (a *audit) judge(ctx context.Context, s *Audited) {
	capabilities := []target.Capability{SeesNotices}
	if len(a.Domains) > 0 {
		capabilities = append(capabilities, KnowsDomains)
	}
	under := &auditedTarget{s, target.Description{Name: s.Name(), Driver: "audit", Capabilities: capabilities}}
	run, err := features.Judge(ctx, features.Options{
		Suite: a.Suite, Steps: auditSteps, SkipDrift: true, Workers: -1, Bound: -1, Tool: a.Tool,
		Open: func(context.Context) (target.Target, io.Closer, error) { return under, nil, nil },
		Progress: func(c reports.Case, count, chosen int) {
			if a.Found != nil {
				a.telling.Lock()
				defer a.telling.Unlock()
				a.Found(s, c, count, chosen)
			}
		},
	})
	if err != nil && run.Trouble == "" {
		run.Trouble = err.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Run = run
	if a.ended++; a.Senders > 0 && a.ended >= a.Senders {
		a.done()
	}
}

// auditedTarget is a sender as the target of a run.
type auditedTarget struct {
	*Audited
	target.Description
}

// Describe is part of target.Target.
func (t *auditedTarget) Describe() target.Description { return t.Description }

// Address is part of target.Target: no session is opened to a sender.
func (*auditedTarget) Address(target.Role) string { return "" }

// Explain is part of target.Explainer.
func (*auditedTarget) Explain(c target.Capability) string {
	switch c {
	case KnowsDomains:
		return "nobody said which domains are the customer's"
	case SeesNotices:
		return "no notice of the server's own came to the relay: look into its sender's mailbox"
	}
	return ""
}

// connections gives the sender's connections, in the order of opening, port by port.
func (a *Audited) connections() []connection {
	a.audit.mu.Lock()
	relays := a.audit.relays
	a.audit.mu.Unlock()
	var all []connection
	for _, s := range relays {
		for _, session := range s.Relay.Sessions() {
			if session.Remote.Addr().Unmap() == a.Address && strings.EqualFold(session.Hello, a.Hello) {
				c := connectionOf(session, s.named(session.Number), s.port)
				c.dropped = session.End == relay.ByServer
				all = append(all, c)
			}
		}
	}
	return all
}

// answers has the sender's next sessions answered by a script.
func (a *Audited) answers(script relay.Script) {
	a.audit.mu.Lock()
	defer a.audit.mu.Unlock()
	a.script = &script
}

// awaits says what the sender is to do.
func (a *Audited) awaits(what string) {
	if a.audit.Awaits != nil {
		a.audit.telling.Lock()
		defer a.audit.telling.Unlock()
		a.audit.Awaits(a, what)
	}
}

// change is closed when anything has come.
func (a *Audited) change() <-chan struct{} {
	a.audit.mu.Lock()
	defer a.audit.mu.Unlock()
	return a.audit.changed
}
