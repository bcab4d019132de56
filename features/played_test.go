package features

import (
	"strings"
	"testing"

	"github.com/relayspec/relayspec/fakes/client"
)

func TestAReplyIsReproducedOnlyBehindWhatLedToIt(t *testing.T) {
	heard := func(session string, want, got int) Turn {
		return Turn{Session: session, Heard: true, Want: client.Reply{Code: want, Lines: []string{"ok"}}, Got: client.Reply{Code: got, Lines: []string{"ok"}}}
	}
	marked := func(want, got int) Turn {
		t := heard("1", want, got)
		t.Marked = true
		return t
	}
	for name, c := range map[string]struct {
		turns []Turn
		said  string
	}{
		"the same":            {[]Turn{heard("1", 250, 250), marked(250, 250)}, "reproduced: 250"},
		"another code before": {[]Turn{heard("1", 250, 251), marked(250, 250)}, "reproduced: 250"},
		"refused before":      {[]Turn{heard("1", 250, 503), marked(250, 250)}, "not reproduced: it came again, but before it 503 ok, where it was 250"},
		"in another session":  {[]Turn{heard("2", 250, 503), marked(250, 250)}, "reproduced: 250"},
		"behind it":           {[]Turn{marked(250, 250), heard("1", 250, 503)}, "reproduced: 250"},
		"another reply":       {[]Turn{heard("1", 250, 503), marked(250, 503)}, "not reproduced: it was 250 ok, now 503"},
	} {
		p := &Played{Turns: c.turns}
		if !strings.HasPrefix(p.OnOffending(), c.said) || p.Reproduced() != strings.HasPrefix(c.said, "reproduced") {
			t.Errorf("%s: %t, %s", name, p.Reproduced(), p.OnOffending())
		}
	}
}
