package mutants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/features/target/static"
)

// OfTheWire tells whether what is done to a relay stands between it and its clients, below policy and ledger.
func OfTheWire(relay embedded.Options) bool { return relay.Tap != nil || relay.Listener != nil }

// controlled is a relay that is steered over HTTP. What it delivers is looked for in its own sink.
type controlled struct {
	*static.Relay
	served *embedded.Served
}

// openControlled starts a relay behind the simulator's API, and opens it as a profile would that says where that is.
func openControlled(ctx context.Context, relay embedded.Options) (target.Target, io.Closer, error) {
	served, err := embedded.Serve(ctx, relay)
	if err != nil {
		return nil, nil, err
	}
	text := fmt.Sprintf("name: %q\ncontrol: {url: %q, token: %q}\n", served.Describe().Name, served.URL, served.Token)
	profile, err := static.Parse("mutant.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, nil, errors.Join(err, served.Close())
	}
	opened, _, err := profile.Opener(static.Options{})(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, served.Close())
	}
	c := &controlled{opened.(*static.Relay), served}
	return c, c, nil
}

// Describe implements target.Target: the sink is this process's, as a profile's would be.
func (c *controlled) Describe() target.Description {
	d := c.Relay.Describe()
	d.Capabilities = append([]target.Capability{target.CanDelivered}, d.Capabilities...)
	return d
}

// Delivered implements target.Deliveries.
func (c *controlled) Delivered(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	return c.served.Delivered(ctx, token, wait)
}

// Close ends the driver and the relay.
func (c *controlled) Close() error { return errors.Join(c.Relay.Close(), c.served.Close()) }
