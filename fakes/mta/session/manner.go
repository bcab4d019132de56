package session

import (
	"time"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Manner is how a kind of server speaks to its relay: the section session of its profile. It isn't changed by sessions,
// and may be shared by them.
type Manner struct {
	Hello    Hello    `yaml:"hello"`
	Envelope Spelling `yaml:"envelope"`
	Grouping Grouping `yaml:"grouping"`
	TLS      TLS      `yaml:"tls"`
	Auth     Auth     `yaml:"auth"`
	Resets   Resets   `yaml:"resets"`
	Quit     Quit     `yaml:"quit"`
	Idle     Idle     `yaml:"idle"`
	Splits   Splits   `yaml:"recipients"`
	Replies  Replies  `yaml:"replies"`
	Timeouts Timeouts `yaml:"timeouts"`
}

// Hello is how the server says who it is.
type Hello struct {
	Verb sourced.Value[Verb] `yaml:"verb"` // what it says first
	// Fallback is which refusals of EHLO make it say HELO on the same connection.
	Fallback sourced.Value[Fallback] `yaml:"fallback"`
	// Domain is put behind a name without a dot: .localdomain; "": such a name is said as it is.
	Domain sourced.Value[string] `yaml:"domain"`
}

// Verb is a greeting. Source: RFC 5321 §4.1.1.1.
type Verb string

// The greetings.
const (
	EHLO Verb = "EHLO"
	HELO Verb = "HELO"
)

// Words are the verbs that a profile may name.
func (Verb) Words() []string { return words(EHLO, HELO) }

// Fallback is what leads from EHLO to HELO.
type Fallback string

// What leads from EHLO to HELO.
const (
	NoFallback        Fallback = "never"
	PermanentFallback Fallback = "5yz" // a permanent refusal. Source: RFC 5321 §3.2
	AnyFallback       Fallback = "any" // also a transient one, and 421
)

// Words are the fallbacks that a profile may name.
func (Fallback) Words() []string { return words(NoFallback, PermanentFallback, AnyFallback) }

// Spelling is how the server spells an envelope.
type Spelling struct {
	Mail sourced.Value[string] `yaml:"mail"` // what stands before <: "MAIL FROM:"
	Rcpt sourced.Value[string] `yaml:"rcpt"` // "RCPT TO:"
	// Size is what SIZE= says of a message that is tried for the first time, SizeQueued of one that was read back from the
	// queue, SizeBounce of a bounce that is tried for the first time. Only where the relay announces SIZE.
	Size       sourced.Value[Count] `yaml:"size"`
	SizeQueued sourced.Value[Count] `yaml:"size_queued"`
	SizeBounce sourced.Value[Count] `yaml:"size_bounce"`
	// Body8bit is what BODY=8BITMIME is said of, where the relay announces 8BITMIME.
	Body8bit sourced.Value[[]Marked] `yaml:"body_8bit"`
	Order    sourced.Value[Order]    `yaml:"order"` // of RCPT commands
}

// Marked is a kind of message that BODY=8BITMIME is said of. Source: RFC 6152 §2.
type Marked string

// The kinds of messages that may be marked.
const (
	EightBit Marked = "8bit"   // octets over 127 are in it
	Bounces  Marked = "bounce" // the server wrote it itself
)

// Words are the kinds that a profile may name.
func (Marked) Words() []string { return words(EightBit, Bounces) }

// Order is the order of recipients in a transaction.
type Order string

// The orders.
const (
	AsGiven  Order = "given"
	Reversed Order = "reversed" // the last one first
)

// Words are the orders that a profile may name.
func (Order) Words() []string { return words(AsGiven, Reversed) }

// Grouping is which commands share a write where the relay announces PIPELINING. Without that each command waits for the
// reply to the one before. Source: RFC 2920 §3.1.
type Grouping struct {
	// Together are groups of commands that follow each other, with blanks between: "mail rcpt data". A command is put into
	// the write of the one before it where a group has both side by side; rcpt stands for all of them. The words are mail,
	// rcpt, data, content (with its final dot), bdat (with its octets), rset and quit.
	Together sourced.Value[[]string] `yaml:"together"`
	// Chunking is when the content goes as one BDAT LAST where the relay announces CHUNKING. Source: RFC 3030 §2
	Chunking sourced.Value[Chunking] `yaml:"chunking"`
}

// Chunking is when a content is sent as a chunk.
type Chunking string

// When a content is sent as a chunk.
const (
	NeverChunked     Chunking = "never"
	PipelinedChunked Chunking = "pipelined" // where PIPELINING is announced as well
	AlwaysChunked    Chunking = "offered"
)

// Words are the ways that a profile may name.
func (Chunking) Words() []string { return words(NeverChunked, PipelinedChunked, AlwaysChunked) }

// TLS is what the server does about STARTTLS. Source of the command: RFC 3207 §4.
type TLS struct {
	Policy sourced.Value[Policy] `yaml:"policy"`
	// Untrusted is what it does when the relay's certificate can't be verified, Failed when the handshake fails, Refused
	// when STARTTLS is. Where TLS is required each of them defers.
	Untrusted sourced.Value[Remedy] `yaml:"untrusted"`
	Failed    sourced.Value[Remedy] `yaml:"failed"`
	Refused   sourced.Value[Remedy] `yaml:"refused"`
	SNI       sourced.Value[bool]   `yaml:"sni"` // the handshake names the relay. Source: RFC 6066 §3
}

// Policy is when a server uses TLS.
type Policy string

// The policies.
const (
	NoTLS         Policy = "none"
	Opportunistic Policy = "opportunistic" // where it is offered
	Required      Policy = "required"      // a relay without it gets no mail
)

// Words are the policies that a profile may name.
func (Policy) Words() []string { return words(NoTLS, Opportunistic, Required) }

// Remedy is what becomes of a session whose TLS isn't as it should be.
type Remedy string

// The remedies.
const (
	GoOn   Remedy = "go-on"  // as if nothing were wrong: encrypted where there is TLS, else in clear text
	Redial Remedy = "redial" // the connection is dropped, and one in clear text is made at once
	Defer  Remedy = "defer"  // the connection is dropped, its mail is tried later
)

// Words are the remedies that a profile may name.
func (Remedy) Words() []string { return words(GoOn, Redial, Defer) }

// Auth is how the server authenticates, where it was given a user. Source: RFC 4954 §4.
type Auth struct {
	// Mechanisms that it knows, the preferred one first: PLAIN, LOGIN. None: it never does.
	Mechanisms sourced.Value[[]Mechanism] `yaml:"mechanisms"`
	// AuthzidIsUser: PLAIN names the user also as whom to act for; else it names nobody there. Source: RFC 4616 §2
	AuthzidIsUser sourced.Value[bool] `yaml:"authzid_is_user"`
	Clear         sourced.Value[bool] `yaml:"clear"` // also without TLS
	// TryNext: after a refusal it tries the next mechanism. GoOn: when none was accepted it goes on without, and leaves it
	// to the relay to refuse MAIL; else Replies say what the refusal means.
	TryNext sourced.Value[bool] `yaml:"try_next"`
	GoOn    sourced.Value[bool] `yaml:"go_on"`
}

// Mechanism is a way to authenticate.
type Mechanism string

// The mechanisms.
const (
	Plain Mechanism = "PLAIN"
	Login Mechanism = "LOGIN"
)

// Words are the mechanisms that a profile may name.
func (Mechanism) Words() []string { return words(Plain, Login) }

// Resets is when the server says RSET.
type Resets struct {
	// After are the stages whose refusal of a whole transaction it answers with RSET, whether or not a message follows:
	// mail, rcpt, data.
	After sourced.Value[[]Stage] `yaml:"after"`
	// Between is when it says RSET, and waits for the reply, before the MAIL of another message.
	Between sourced.Value[Between] `yaml:"between"`
	// Unfit: it says RSET where it finds that a message can't be given to this relay (Options.Convert).
	Unfit sourced.Value[bool] `yaml:"unfit"`
}

// Stage is a stage of a transaction that a refusal may end before the content was sent.
type Stage string

// Words are the stages that a profile may name.
func (Stage) Words() []string { return []string{"mail", "rcpt", "data"} }

// Between is when RSET stands between two messages.
type Between string

// When RSET stands between two messages.
const (
	NeverReset   Between = "never"
	RefusedReset Between = "refused" // where the message before was refused before its content was sent
	AlwaysReset  Between = "always"
)

// Words are the habits that a profile may name.
func (Between) Words() []string { return words(NeverReset, RefusedReset, AlwaysReset) }

// Quit is how the server takes its leave.
type Quit struct {
	Waits sourced.Value[bool] `yaml:"waits"` // for the reply, up to Timeouts.Quit
}

// Idle is how a connection that is kept for another message ends when none comes.
type Idle struct {
	After sourced.Value[time.Duration] `yaml:"after"` // 0: it isn't kept
	By    sourced.Value[Ending]        `yaml:"by"`
}

// Ending is how a server ends a connection that works.
type Ending string

// The endings.
const (
	ByQuit Ending = "quit"
	ByEOF  Ending = "eof" // without a word
)

// Words are the endings that a profile may name.
func (Ending) Words() []string { return words(ByQuit, ByEOF) }

// Splits is what the server does with many recipients. The engine does it: a Session sends what it is given.
type Splits struct {
	Most sourced.Value[int]  `yaml:"most"` // recipients of a transaction; 0: no bound
	Rest sourced.Value[Rest] `yaml:"rest"` // where those past it go
	// TooMany is what happens to those that the relay refuses with 452 while it takes others of the same transaction.
	TooMany sourced.Value[TooMany] `yaml:"too_many"`
}

// Rest is where recipients go that are too many for one transaction.
type Rest string

// Where the rest goes.
const (
	Parallel Rest = "parallel" // into transactions over connections of their own, at once
	Same     Rest = "same"     // into the next transaction over the same connection
	Each     Rest = "each"     // each recipient is a message of its own
)

// Words are the ways that a profile may name.
func (Rest) Words() []string { return words(Parallel, Same, Each) }

// TooMany is what happens to recipients that are too many for the relay. Source: RFC 5321 §4.5.3.1.10.
type TooMany string

// What happens to them.
const (
	Later TooMany = "later" // deferred, as after any 4yz
	Again TooMany = "again" // another transaction follows at once, over the same connection
)

// Words are the ways that a profile may name.
func (TooMany) Words() []string { return words(Later, Again) }

// Timeouts is how long the server waits at each stage. 0: for ever.
type Timeouts struct {
	Connect   sourced.Value[time.Duration] `yaml:"connect"`
	Greeting  sourced.Value[time.Duration] `yaml:"greeting"`
	Hello     sourced.Value[time.Duration] `yaml:"hello"`
	StartTLS  sourced.Value[time.Duration] `yaml:"starttls"` // for the reply and, again, for the handshake
	Auth      sourced.Value[time.Duration] `yaml:"auth"`
	Mail      sourced.Value[time.Duration] `yaml:"mail"`
	Rcpt      sourced.Value[time.Duration] `yaml:"rcpt"`
	Data      sourced.Value[time.Duration] `yaml:"data"`        // for 354
	Content   sourced.Value[time.Duration] `yaml:"content"`     // for each write of it
	EndOfData sourced.Value[time.Duration] `yaml:"end_of_data"` // for the reply to the final dot, or to the last chunk
	Reset     sourced.Value[time.Duration] `yaml:"rset"`
	Quit      sourced.Value[time.Duration] `yaml:"quit"`
}

// words gives texts as they are written.
func words[T ~string](all ...T) []string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return texts
}
