package sender

import (
	"context"
	"io"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// Judge judges a sender by the features of this package: those of every server, and of the one that it is. suite is Load's.
//
// Of o the sender's part is filled in: Suite, Steps and Open; Workers is taken for a fake, of which many can run side by
// side, and 0 is 8 of them there: most of their time they wait for a relay that takes its own. What is given and what an
// error says is as with features.Judge.
func Judge(ctx context.Context, suite *features.Suite, s Sender, o features.Options) (*reports.Run, error) {
	d := s.Describe()
	o.Suite, o.Steps, o.SkipDrift = Of(suite, d), Steps, true
	switch {
	case d.Driver != "fake":
		o.Workers = -1
	case o.Workers == 0:
		o.Workers = 8
	}
	under := adapt(s)
	o.Open = func(context.Context) (target.Target, io.Closer, error) { return under, nil, nil }
	return features.Judge(ctx, o)
}
