// Package sender judges sending servers: what a mail server does, as a client, in front of the relay. A Sender is one
// under test, be it a fake (OpenFake), a real one behind a driver, or one that an administrator points at an auditing
// relay. It faces a scripted relay (fakes/relay) which the scenario tells how to answer; the scenario then looks at what
// reached the relay, at the server's queue, and at its configuration.
//
// The features beside this file are the product; start with them. Verdicts, gate and reports are those of package features.
package sender

import (
	"context"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/features/target"
)

// Sender is a sending server under test. It is set up anew for each scenario; one scenario at a time uses it.
type Sender interface {
	Describe() Description
	// Start sets the server up as s says, with an empty queue, and gives it when it takes mail.
	Start(ctx context.Context, s Setup) (Server, error)
}

// Description says what a sender is and what it declares.
type Description struct {
	Name    string // of reports and baselines
	Profile string // the server as profiles, recipes and the catalogue call it: postfix; "": none that the document names
	Version string
	Driver  string // of Drivers
	// Capabilities are those of Known. A scenario that needs another one isn't run.
	Capabilities []target.Capability
	// Lacks says why a capability is missing, where there is more to say than that it is.
	Lacks map[target.Capability]string
}

// Drivers are the kinds of senders, as reports call them.
func Drivers() []string { return []string{"fake", "real", "audit"} }

// What a scenario may need of a sender.
const (
	CanClock     = target.CanClock                      // its Server is a Clock
	CanConfigure = target.Capability("configuration")   // it is Configured
	CanTLS       = target.Capability("client-tls")      // it can be set up to encrypt
	CanAuth      = target.Capability("client-auth")     // it can be set up to authenticate, which takes TLS
	CanRoute     = target.Capability("internal-routes") // it takes Setup.Routes
	CanHurry     = target.Capability("short-timeouts")  // it takes Setup.FinalWait
	// Of a fake, what a scenario rests on is known of the real server, not assumed; a real server is as it is.
	KnownName       = target.Capability("known-name")        // the name that it presents
	KnownFallback   = target.Capability("known-fallback")    // what it does where EHLO is refused
	KnownTimeout    = target.Capability("known-timeout")     // that it keeps what the relay leaves without a reply
	KnownDeferral   = target.Capability("known-deferral")    // that it keeps what is refused for now
	KnownReturn     = target.Capability("known-return")      // that it returns what is refused for good
	KnownRecipients = target.Capability("known-recipients")  // how many recipients a transaction of its has
	KnownReuse      = target.Capability("known-reuse")       // when it uses a connection again
	KnownReuseTLS   = target.Capability("known-reuse-tls")   // and when one in TLS
	KnownRetry      = target.Capability("known-retry")       // when it tries again
	KnownFirstRetry = target.Capability("known-first-retry") // and when for the first time
)

// Known are all of these capabilities.
func Known() []target.Capability {
	return append([]target.Capability{CanClock, CanConfigure, CanTLS, CanAuth, CanRoute, CanHurry}, Assumable()...)
}

// Assumable are those that a fake lacks where its profile only assumes what they are about.
func Assumable() []target.Capability {
	return []target.Capability{
		KnownName, KnownFallback, KnownTimeout, KnownDeferral, KnownReturn, KnownRecipients, KnownReuse, KnownReuseTLS, KnownRetry,
		KnownFirstRetry,
	}
}

// Setup is how an administrator sets the server up. The zero value but for Ports is the documented recipe.
type Setup struct {
	// Clock: the scenario lets time pass. A server whose timers are shortened for it has them so.
	Clock bool
	// RelayHost is the relay as the configuration names it. "": smtp-relay.gmail.com.
	RelayHost string
	// Ports say where each of the relay's ports is really served: 25 -> 127.0.0.1:40001. The server's own resolver, or the
	// network that it is in, leads RelayHost there.
	Ports map[int]string
	// Port is the one to be configured. 0: what the recipe says.
	Port int
	// Host is the server's own name, and Domain that of its users. "": mail.corp.example, corp.example.
	Host, Domain string
	// TLS: mail goes out encrypted or not at all. Else the server does what the recipe leaves it at.
	TLS bool
	// RootPEM has the certificate that the relay's is to be trusted by.
	RootPEM []byte
	// User and Password are what it authenticates with. "": it doesn't.
	User, Password string
	// FinalWait is how long it waits for the reply to the end of a message. 0: as long as it is set to.
	FinalWait time.Duration
	// Routes lead domains of the company to servers of its own, host:port: "intern.example" -> "127.0.0.1:40002".
	Routes map[string]string
}

// Server is a sender that was started.
type Server interface {
	// Submit hands messages over, and returns when all of them are queued; how they are sent is the server's affair. An
	// error says which one the server didn't take, and why.
	Submit(ctx context.Context, messages ...mail.Submission) error
	// Flush has it try all that it has queued, now, and returns when that has begun.
	Flush(ctx context.Context) error
	// Queue gives what it has still to deliver, an entry a recipient. Notices that it sends itself count, too.
	Queue(ctx context.Context) ([]Queued, error)
	// Stop ends it and forgets its queue.
	Stop(ctx context.Context) error
}

// Queued is a recipient of a message that isn't delivered yet.
type Queued struct {
	ID        string // as the server calls the message
	Sender    string // "" is <>
	Recipient string
	Reason    string // of the delay, as the server tells it; "": it wasn't tried yet, or it doesn't say
	// Held: it isn't tried again until somebody does something about it, as Exim's frozen messages.
	Held bool
}

// Clock is a server whose time the judge moves: by a clock of its own, or by timers that are scaled down.
type Clock interface {
	// Now is the server's time.
	Now() time.Time
	// Advance lets d pass for the server, which does what falls due meanwhile, and returns when that is done.
	Advance(ctx context.Context, d time.Duration) error
}

// Settler is a server that knows when it is at rest: all is delivered, returned, or put off. Of another the judge waits
// until the relay has been quiet for a while.
type Settler interface {
	Settle(ctx context.Context) error
}

// Configured is a sender that shows how it is configured.
type Configured interface {
	// Configuration writes the configuration for s into folder, which is empty, and gives the files as lint reads them,
	// those of one server after those of another where there are several.
	Configuration(ctx context.Context, s Setup, folder string) (files []string, err error)
}

// Placed is a sender that is led to fixed addresses: there the relay must listen.
type Placed interface {
	// Places gives where each port of the relay is to be served: 25 -> 127.0.0.2:25.
	Places() map[int]string
}
