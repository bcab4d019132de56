package mta

import (
	"maps"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Profile is one kind of server: all that makes it differ from the others. It may be shared by many servers, and isn't
// changed by them.
type Profile struct {
	Name  string `yaml:"name"`  // postfix
	Title string `yaml:"title"` // Postfix 3.7

	Route       Route       `yaml:"route"`
	Connections Connections `yaml:"connections"`

	Session session.Manner   `yaml:"session"`
	Retry   schedule.Choices `yaml:"retry"`
	Mail    mail.Forms       `yaml:"mail"`
	Bounce  mail.BounceForm  `yaml:"bounce"`
}

// Route is where mail goes.
type Route struct {
	Host   sourced.Value[string]   `yaml:"host"`   // the relay's name, as it is configured
	Port   sourced.Value[int]      `yaml:"port"`   // 1 to 65535
	Lookup sourced.Value[[]Lookup] `yaml:"lookup"` // how the name becomes addresses: the first look-up that gives any decides
	// Domains are recipients' domains that go elsewhere, each with host or host:port; nil: there are none. The most specific
	// one wins; .corp.example is all that is below corp.example.
	Domains map[string]sourced.Value[string] `yaml:"domains"`
}

// Lookup is a question that is put to DNS.
type Lookup string

// The questions. Addresses of both kinds are asked for in one go where a comes with aaaa.
const (
	MX   Lookup = "mx"   // the hosts that take the name's mail, the most preferred first; then their addresses
	A    Lookup = "a"    // addresses of version 4
	AAAA Lookup = "aaaa" // addresses of version 6
)

// Words are the look-ups that a profile may name.
func (Lookup) Words() []string { return []string{string(MX), string(A), string(AAAA)} }

// Connections is which connections a server opens, and what it sends over each.
//
// Transactions that share connections are a stream: where Apart says so each submission and each run of the queue is a
// stream of its own, as with servers that start a process for it; else all that goes to one relay is one stream.
type Connections struct {
	AtOnce    sourced.Value[int]  `yaml:"at_once"`     // most connections to a relay at one time; 0: no bound
	Initial   sourced.Value[int]  `yaml:"initial"`     // how many it begins with: one more for each message that got through, to AtOnce; 0: AtOnce
	Apart     sourced.Value[bool] `yaml:"apart"`       // each submission, and each queue run, has connections of its own
	RunAtOnce sourced.Value[int]  `yaml:"run_at_once"` // most connections of one queue run, where they are apart; 0: no bound
	// Stagger is how long the first connection of a stream that was idle is left alone: the next ones are opened when its
	// message is done, or after this time. 0: all at once.
	Stagger sourced.Value[time.Duration] `yaml:"stagger"`
	// Spread is how many transactions must wait for each connection that is open before one more is opened; 1: as soon as
	// one waits.
	Spread sourced.Value[int] `yaml:"spread"`

	Reuse    sourced.Value[Reuse]         `yaml:"reuse"`
	ReuseTLS sourced.Value[bool]          `yaml:"reuse_tls"` // Reuse holds over TLS, too; else those connections carry one message
	Messages sourced.Value[int]           `yaml:"messages"`  // most messages over one connection; 0: no bound
	Lifetime sourced.Value[time.Duration] `yaml:"lifetime"`  // a connection that is so old isn't used again; 0: no bound

	// Batches is the order in which the transactions of a message with too many recipients for one are begun.
	Batches sourced.Value[Order] `yaml:"batches"`
	// Bounces is the way that a bounce goes.
	Bounces sourced.Value[BounceWay] `yaml:"bounces"`
	// BouncesWhen is when the sender is told of refused recipients while others still wait.
	BouncesWhen sourced.Value[BounceTime] `yaml:"bounces_when"`
	// DoubleBounce is what becomes of a message without a sender that is refused: there is nobody to tell.
	DoubleBounce sourced.Value[DoubleBounce] `yaml:"double_bounce"`
	// Unwelcome is what becomes of a bounce that would go to the relay whose refusal to speak at all (a greeting of 554) it is
	// about.
	Unwelcome sourced.Value[Unwelcome] `yaml:"unwelcome"`
	// SharedTrouble: where a relay can't be spoken to, all else that waits in the stream is deferred without a try of its own,
	// and so are the bounces that come of it.
	SharedTrouble sourced.Value[bool] `yaml:"shared_trouble"`
}

// Reuse is when a connection carries more than one message.
type Reuse string

// When a connection carries more than one message.
const (
	// NeverReused: one message, one connection.
	NeverReused Reuse = "never"
	// WhileWaiting: as long as the stream has more to send, and then it ends.
	WhileWaiting Reuse = "waiting"
	// UnderBacklog: from when a message has got through while others wait; such a connection is then kept for a while, in
	// case that more come (session.Manner says how long).
	UnderBacklog Reuse = "backlog"
	// AfterFirst: the first message of a stream goes alone, all others over one connection.
	AfterFirst Reuse = "after-first"
	// WhileRetried: as long as what is next in the stream was tried before and put off; what is new goes alone.
	WhileRetried Reuse = "retried"
)

// Words are the ways that a profile may name.
func (Reuse) Words() []string {
	return []string{string(NeverReused), string(WhileWaiting), string(UnderBacklog), string(AfterFirst), string(WhileRetried)}
}

// Order is in which order transactions of one message are begun.
type Order string

// The orders.
const (
	FirstFirst Order = "first-first" // as the recipients come
	RestFirst  Order = "rest-first"  // the last ones' first: what is left over when the others are full
)

// Words are the orders that a profile may name.
func (Order) Words() []string { return []string{string(FirstFirst), string(RestFirst)} }

// BounceWay is the way that a bounce goes.
type BounceWay string

// The ways.
const (
	NewConnection  BounceWay = "new"  // as any other message that is submitted
	SameConnection BounceWay = "same" // next on the connection over which the refusal came, where that is still of use
)

// Words are the ways that a profile may name.
func (BounceWay) Words() []string { return []string{string(NewConnection), string(SameConnection)} }

// BounceTime is when a sender is told.
type BounceTime string

// The times.
const (
	AtAttempt  BounceTime = "attempt"  // at the end of the attempt in which recipients were refused
	AtFinished BounceTime = "finished" // when nothing of the message waits any more
)

// Words are the times that a profile may name.
func (BounceTime) Words() []string { return []string{string(AtAttempt), string(AtFinished)} }

// DoubleBounce is what becomes of a refused message that has no sender.
type DoubleBounce string

// What becomes of it.
const (
	Dropped      DoubleBounce = "drop"       // nothing is left of it
	ToPostmaster DoubleBounce = "postmaster" // the server's own postmaster gets it: it goes to no relay
	Kept         DoubleBounce = "frozen"     // it stays in the queue and isn't tried again; postmaster is told
)

// Words are what a profile may name.
func (DoubleBounce) Words() []string {
	return []string{string(Dropped), string(ToPostmaster), string(Kept)}
}

// Unwelcome is what becomes of a bounce to a relay that has just refused to speak.
type Unwelcome string

// What becomes of it.
const (
	TriesAgain Unwelcome = "try"    // it goes its way like any other message
	PutOff     Unwelcome = "defer"  // it waits: the server knows that the relay's time hasn't come yet
	Alike      Unwelcome = "refuse" // the refusal holds for it, too: it is a double bounce
)

// Words are what a profile may name.
func (Unwelcome) Words() []string {
	return []string{string(TriesAgain), string(PutOff), string(Alike)}
}

// Clone gives a copy whose values may be changed: of a server that differs in some of them.
func (p *Profile) Clone() *Profile {
	c := *p
	c.Route.Domains = maps.Clone(p.Route.Domains)
	for _, rule := range []*schedule.Rule{&c.Retry.Documented, &c.Retry.Vendor} {
		rule.Steps.Value = slices.Clone(rule.Steps.Value)
		rule.Stages.Value = slices.Clone(rule.Stages.Value)
		rule.Trouble = slices.Clone(rule.Trouble)
	}
	c.Mail.Missing = slices.Clone(p.Mail.Missing)
	return &c
}
