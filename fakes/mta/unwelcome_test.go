package mta

import (
	"testing"

	"github.com/relayspec/relayspec/fakes/relay"
)

// What becomes of a bounce when the relay has refused to speak. Source: the real servers, testdata/recorded/*-c_greet554.txt
// and their queues thereafter.
func TestABounceAfterAGreetingThatRefuses(t *testing.T) {
	for _, c := range []struct {
		server                    string
		way                       Unwelcome // "": the profile's
		connections, queued, lost int
	}{
		{"exim", "", 1, 1, 0},             // it waits
		{"sendmail", "", 1, 0, 1},         // the postmaster gets it
		{"sendmail", TriesAgain, 2, 0, 1}, // it is refused once more
	} {
		t.Run(c.server+" "+string(c.way), func(t *testing.T) {
			p := named(t, c.server)
			if c.way != "" {
				p.Connections.Unwelcome.Value = c.way
			}
			play(t, Options{Profile: p}, relay.Script{Greeting: relay.Always("554 5.7.1 no")}, func(t *testing.T, s *stage) {
				if _, err := s.Submit(t.Context(), submission(1)); err != nil {
					t.Fatal(err)
				}
				if err := s.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				got := s.Counts()
				if got.Bounced != 1 || got.Connections != c.connections || got.Queued != c.queued || got.BouncesLost != c.lost || got.UnderWay != 0 {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}
