package target

import (
	"context"
	"time"
)

// Dialled says how sessions to a target are opened, where that isn't as the judge does by itself.
type Dialled interface {
	Dialling() Dialling
}

// Dialling is how sessions are opened. The zero value leaves all to the judge.
type Dialling struct {
	Timeout    time.Duration // to connect and for each reply; 0: the judge's own, 20 s
	ServerName string        // what TLS asks for; "": the host of the address
	Proxy      int           // version of the PROXY header that every session begins with; 0: none
}

// Pulse tells whether a relay still serves anybody. The judge feels it before it blames the relay for what came: a relay
// that died, or that turns everybody away, is nothing that a scenario can be judged by.
type Pulse interface {
	// Alive gives an error, in plain words, when the relay has ended or takes no session.
	Alive(ctx context.Context) error
}

// Binder is for a relay whose customers exist already, under names of their own: it stands in the place of Applier.
type Binder interface {
	// Bind finds for each customer of w one of the relay's that is like it, and gives what is called otherwise there.
	// Where there is none the error is ErrUnsupported, with what lacks.
	Bind(ctx context.Context, w World) (Binding, error)
}

// Binding says what a World's own is called on the relay.
type Binding struct {
	Customers map[string]string // IDs
	Names     map[string]string // domains and addresses, which may stand anywhere in a message
	Secrets   map[string]string // passwords and tokens
}
