// Package settings reads what administrators configure a sending server with, and brings it into one form (Setup), in
// which each setting keeps the place where it was found: file and line, the line as it stands there, and the expansions,
// includes and maps through which it came to its value.
//
// It reads Postfix's main.cf (or what postconf prints) with the master.cf and maps beside it, sendmail.mc with its includes
// and sendmail.cf, qmail's control folder, what Exchange's Get-SendConnector and its like print by Format-List, Exchange
// 2000/2003's metabase or directory, Domino's notes.ini and documents as DXL or YAML, GroupWise's gwia.cfg, Mac OS X's
// serveradmin settings mail, and Debian's update-exim4.conf.conf. It reads files and folders only: no server is asked, and
// nothing is run. It judges nothing: that is features/lint.
//
// Start with Read, and with kinds for how a form is recognised.
package settings

import (
	"fmt"
	"strings"
	"time"
)

// Place is where something stands.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1; 0: the file as a whole
}

// String gives file:line.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Found is a setting that was found, or the server's default.
type Found[T any] struct {
	Value T
	Known bool    // it was written down, or the default is known; else Value says nothing
	Place Place   // where the value that holds was written, the last override; zero: nowhere, it is the default
	Text  string  // the line as it stands there, expansions not made
	Via   []Place // how it came to its value: the variables that were expanded and the includes, outermost first
}

// Written tells whether a file says it.
func (f Found[T]) Written() bool { return f.Place != Place{} }

// Relay is where mail is sent.
type Relay struct {
	Host     string
	Port     int  // 0: the default, 25
	Brackets bool // no look-up of MX
}

// TLS is when a server encrypts.
type TLS string

// When a server encrypts.
const (
	NoTLS            TLS = "none"
	OpportunisticTLS TLS = "opportunistic"
	RequiredTLS      TLS = "required"
	MutualTLS        TLS = "mutual" // Exchange's domain security
)

// Timeouts are how long a server waits as a client, each 0 where not Known.
type Timeouts struct {
	Connect, Greeting, Hello, Mail, Recipient, DataInit, DataBlock, DataFinal, Reset, Quit Found[time.Duration]
	TCPRead                                                                                Found[time.Duration] // GroupWise's
	Idle                                                                                   Found[time.Duration] // of an open connection that isn't used
	Inbound                                                                                Found[time.Duration] // of the server side: qmail's timeoutsmtpd
}

// Retry is when a server tries again.
type Retry struct {
	Intervals []Found[time.Duration] // first, second ..., the last for all that follow
	Min, Max  Found[time.Duration]   // of one that grows
	QueueRun  Found[time.Duration]   // how often the queue is looked at
	Expire    Found[time.Duration]   // after which a message is returned
	Warn      Found[time.Duration]   // after which the sender is told of the delay
}

// Setup is a server's configuration as far as the document, or the way that it sends, is concerned.
type Setup struct {
	Server string   // the profile's name: postfix, sendmail, exchange-hub ...
	Role   Role     // of Exchange: what kind of server was asked; else ""
	Files  []string // what was read, includes and maps too

	Relay       Found[Relay]            // of the default route; Known and empty: it sends directly
	Routes      map[string]Found[Relay] // by domain: qmail's smtproutes, Postfix's transport_maps where it can be read
	Hello       Found[string]           // what it presents
	Host        Found[string]           // what it calls itself
	Domains     []Found[string]         // its own domains
	TLS         Found[TLS]
	ImplicitTLS Found[bool] // TLS from the start, as on port 465
	Auth        Found[bool] // it authenticates to the relay
	User        Found[string]
	Secret      Found[string] // never printed
	Timeouts    Timeouts
	Retry       Retry

	Recipients  Found[int]  // a transaction; 0 of one that is Known: no bound
	Connections Found[int]  // at once to the relay; 0 of one that is Known: no bound
	Messages    Found[int]  // a connection; 0 of one that is Known: no bound
	Caching     Found[bool] // connections are used again

	// Others are all settings that are written down, by the name that their documentation gives them, one Found a value of
	// a list, of several that are written the one that holds:
	//   - postfix, osx: parameters of main.cf, expanded (of serveradmin: what stands behind mail:postfix:)
	//   - sendmail: names of defines (confTO_DATAFINAL), options (Timeout.datafinal), FEATURE(x), MAILER(x)
	//   - qmail: files of control/; /var/qmail/timeoutsmtpd for the one that qmail never reads
	//   - exchange-hub, exchange-edge: properties of the send connector that mail to anywhere takes (AddressSpaces,
	//     SourceTransportServers, DomainSecureEnabled ...), and those of others as ReceiveConnector.RemoteIPRanges,
	//     EdgeSubscription.Name, TransportServer.MessageRetryInterval
	//   - exchange-2003: properties of the metabase or attributes of the directory
	//   - domino: items of documents, and lines of notes.ini, in small letters
	//   - groupwise: switches, without / or --
	//   - exim: variables of update-exim4.conf.conf
	Others map[string][]Found[string]
	// Objects are all that Exchange has printed, in the order in which they first came, each as it holds in the end.
	Objects []Object
}

// Role is what kind of server an Exchange server is.
type Role string

// The roles of Exchange servers that send.
const (
	HubRole  Role = "hub"
	EdgeRole Role = "edge"
)

// Object is one of those that an Exchange command prints.
type Object struct {
	Kind   string // SendConnector, ReceiveConnector, EdgeSubscription, TransportServer, ExchangeServer, AcceptedDomain
	Name   string // its Name, or what its Identity ends with
	Place  Place  // where it begins
	Values map[string][]Found[string]
}

// Fault is what is wrong in a file: where, what was expected, and what to write. A warning doesn't keep it from being read.
type Fault struct {
	Place   Place
	Text    string
	Warning bool
}

func (f *Fault) Error() string { return f.Place.String() + ": " + f.Text }

// Faults are all faults that were found, in the order of files and lines.
type Faults []*Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}
