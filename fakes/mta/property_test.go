package mta

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/relay"
)

// replies are what a relay of the property's may say: whole ones, ones that are none, and some that are out of place.
func replies() []string {
	return []string{
		"250 2.0.0 OK", "250 OK", "220 hello", "354 go ahead", "421 4.7.0 closing", "421 4.3.2 no", "450 4.2.1 Peak", "451 4.3.0 later", "452 4.5.3 too many",
		"500 5.5.1 what", "503 5.5.1 RCPT first", "530 5.7.0 TLS", "535 5.7.8 no", "550 5.4.5 Daily", "550-5.7.1 one\n550 5.7.1 two", "552 5.3.4 big", "554 5.7.1 no",
		"250 1\n250 2", "xyz", "",
	}
}

// anyRules gives the rules of a stage.
func anyRules(t *rapid.T, stage string) relay.Rules {
	var rules relay.Rules
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2}).Draw(t, stage) {
		r := relay.Rule{
			Match: rapid.SampledFrom([]string{"", "", "", "bob@*", "r002@*", "alice@*"}).Draw(t, "match"),
			Reply: rapid.SampledFrom(replies()).Draw(t, "reply"),
			Close: rapid.IntRange(0, 5).Draw(t, "close") == 0,
			Delay: relay.Duration(rapid.SampledFrom([]time.Duration{0, 0, 0, 0, time.Second, 8 * time.Minute, 2 * time.Hour}).Draw(t, "delay")),
			Skip:  rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "skip"),
		}
		if r.Reply == "xyz" {
			r.Raw, r.Reply = true, "xyz\r\n"
		}
		if r.Reply == "" && !r.Close {
			r.Silent = true
		}
		if n := rapid.IntRange(0, 3).Draw(t, "times"); n > 0 {
			r.Times = &n
		}
		rules = append(rules, r)
	}
	return rules
}

func anyScript(t *rapid.T) relay.Script {
	s := relay.Script{
		Greeting: anyRules(t, "greeting"), EHLO: anyRules(t, "ehlo"), HELO: anyRules(t, "helo"), Mail: anyRules(t, "mail"),
		Rcpt: anyRules(t, "rcpt"), Data: anyRules(t, "data"), End: anyRules(t, "end"), Reset: anyRules(t, "rset"), Quit: anyRules(t, "quit"),
		MaxRcpt: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "most recipients"),
	}
	for _, extension := range allExtensions() {
		if rapid.Bool().Draw(t, extension) {
			s.Ext = append(s.Ext, extension)
		}
	}
	return s
}

// TestEachMessageHasOneFate is the property: whatever the relay says, each recipient of each message is delivered to,
// refused or given up once, or still waits in the queue; never two of these and never none. What is delivered the relay
// has accepted.
func TestEachMessageHasOneFate(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			profile := named(t, name)
			rapid.Check(t, func(r *rapid.T) {
				script := anyScript(r)
				o := Options{Profile: profile, Hold: rapid.Bool().Draw(r, "hold")}
				var messages []mail.Submission
				for range rapid.IntRange(1, 3).Draw(r, "messages") {
					s := submission(rapid.IntRange(1, 3).Draw(r, "recipients"))
					if rapid.IntRange(0, 3).Draw(r, "null") == 0 {
						s = without(s)
					}
					messages = append(messages, s)
				}
				waits := time.Duration(rapid.SampledFrom(hours()).Draw(r, "hours")) * time.Hour
				fault := ""
				play(t, o, script, func(t *testing.T, st *stage) {
					said := fmt.Sprintf("%+v", script)
					st.odd = strings.Contains(said, "250 1\n250 2") || strings.Contains(said, "Silent:true")
					fault = st.fates(t, messages, waits)
				})
				if fault != "" {
					r.Fatalf("%s\nscript: %+v", fault, script)
				}
			})
		})
	}
}

// hours are how long the property waits for retries; a day of them takes too long where all is slow.
func hours() []int {
	if underRace {
		return []int{0, 0, 1}
	}
	return []int{0, 0, 1, 3, 8}
}

// fates submits messages, waits, and says what is wrong with what became of them; "": nothing.
func (st *stage) fates(t *testing.T, messages []mail.Submission, waits time.Duration) string {
	ids, err := st.Submit(t.Context(), messages...)
	if err != nil || len(ids) != len(messages) {
		return fmt.Sprintf("%d of %d submitted: %v", len(ids), len(messages), err)
	}
	st.Flush(t.Context())
	time.Sleep(waits)
	for under := true; under; under = st.Counts().UnderWay > 0 { // a run of the queue may begin at this very time
		if err := st.Wait(t.Context()); err != nil {
			return err.Error()
		}
		synctest.Wait()
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	became := map[string][]string{}
	for _, e := range st.events {
		switch e.Verdict {
		case session.Delivered, session.Bounced, Expired:
			became[string(e.ID)+e.Recipient] = append(became[string(e.ID)+e.Recipient], string(e.Verdict))
		}
		if e.Verdict == session.Delivered && !strings.HasPrefix(e.Reply.Wire()[0], "2") {
			return fmt.Sprintf("%s was delivered by %v", e.ID, e.Reply)
		}
	}
	queued := st.Queue()
	for _, l := range queued {
		for _, recipient := range l.Recipients {
			became[l.ID+recipient] = append(became[l.ID+recipient], "queued")
		}
		if l.Taken || l.Due.IsZero() && !l.Frozen {
			return fmt.Sprintf("%s is in the queue, but nobody will try it: %+v", l.ID, l)
		}
	}
	for n, m := range messages {
		for _, recipient := range m.Recipients {
			if got := became[string(ids[n])+recipient]; len(got) != 1 {
				return fmt.Sprintf("message %s to %s has become %v", ids[n], recipient, got)
			}
		}
	}
	return st.counted(len(queued), messages)
}

// counted says what is wrong with the counts; "": nothing.
func (st *stage) counted(queued int, messages []mail.Submission) string {
	c, recipients := st.Counts(), 0
	for _, m := range messages {
		recipients += len(m.Recipients)
	}
	waiting := 0
	for _, l := range st.Queue() {
		if !l.Bounce && !l.Frozen {
			waiting += len(l.Recipients)
		}
	}
	if c.Submitted != len(messages) || c.Recipients != recipients || c.Queued != queued || c.UnderWay != 0 ||
		c.Delivered+c.Bounced+c.Expired+c.Frozen+waiting != recipients {
		return fmt.Sprintf("counts %+v, %d recipients, %d of them wait, %d messages queued", c, recipients, waiting, queued)
	}
	if st.odd {
		return "" // what it has accepted only the relay knows
	}
	accepted := 0
	for _, s := range st.relay.Sessions() {
		for _, m := range s.Messages {
			if m.Accepted() {
				accepted += len(m.Recipients) + len(m.Refused) // an odd 2yz counts as a refusal there
			}
		}
	}
	if c.Delivered+c.BouncesDelivered > accepted {
		return fmt.Sprintf("%d recipients delivered, the relay has accepted %d", c.Delivered+c.BouncesDelivered, accepted)
	}
	return ""
}
