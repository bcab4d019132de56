package schedule

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// birth is when the messages of these tests were queued.
func birth() time.Time { return time.Date(2026, time.November, 23, 11, 0, 0, 0, time.UTC) }

// choices gives the retry section of each profile.
func choices(t *testing.T) map[string]Choices {
	t.Helper()
	files, err := filepath.Glob("../profiles/*.yaml")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d profiles: %v", len(files), err)
	}
	all := map[string]Choices{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Name  string
			Retry Choices
		}
		if err := yaml.Unmarshal(text, &p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[p.Name] = p.Retry
	}
	return all
}

// ages gives when a message is tried again that never gets through, as ages, up to n tries and to its end.
func ages(r Rule, class Class, n int) (all []time.Duration, expired bool) {
	last := birth()
	for attempts := 1; attempts <= n; attempts++ {
		next, expired := r.Next(birth(), last, attempts, class)
		if expired {
			return all, true
		}
		all = append(all, next.Sub(birth()))
		last = next
	}
	return all, false
}

func seconds(list ...float64) []time.Duration {
	all := make([]time.Duration, len(list))
	for i, s := range list {
		all[i] = time.Duration(s * float64(time.Second))
	}
	return all
}

func minutes(list ...float64) []time.Duration {
	all := seconds(list...)
	for i := range all {
		all[i] *= 60
	}
	return all
}

// Source: sending-servers.md §2.
func TestEachServerTriesAgainOnItsSchedule(t *testing.T) {
	for _, c := range []struct {
		server     string
		documented bool
		class      Class
		want       []time.Duration
	}{
		{"postfix", true, Message, seconds(300, 600, 1200, 2400, 4800, 9000, 13200)},
		{"postfix", true, Connection, seconds(300, 600, 1200, 2400, 4800)},
		{"osx", false, Message, seconds(300, 600, 1200, 2400, 4800)},
		{"sendmail", true, Message, minutes(10, 20, 30, 40)},
		{"exim", true, Message, minutes(30, 60, 90, 120, 150, 210, 300, 450)},
		{"qmail", true, Message, seconds(400, 1600, 3600, 6400, 10000)},
		{"exchange-hub", true, Connection, minutes(1, 2, 3, 4, 9, 14, 19, 24, 29, 34, 44, 54)},
		{"exchange-hub", true, Message, minutes(1, 2, 3, 4, 5, 6)},
		{"exchange-edge", true, Connection, minutes(1, 2, 3, 4, 14, 24, 34, 44, 54, 64, 94, 124)},
		{"exchange-2003", true, Message, minutes(1, 2, 5, 10, 15, 20)},
		{"exchange-2003", false, Message, minutes(10, 20, 30, 45, 60)},
		{"domino", true, Message, minutes(1, 3, 6, 10)},
		{"domino", false, Message, minutes(15, 45, 90)},
		{"groupwise", true, Message, minutes(20, 40, 60, 300, 540)},
	} {
		got, _ := ages(choices(t)[c.server].Choose(c.documented), c.class, len(c.want))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, documented %t, after %s (-want +got):\n%s", c.server, c.documented, c.class, diff)
		}
	}
}

// Source: sending-servers.md §2: Exim's stages are those of a rule, seen only by queue runs, here of 1/300 of their times;
// Postfix's of 1/60; Sendmail's -q5s.
func TestShortenedTimersGiveTheTimesThatWereObserved(t *testing.T) {
	exim := choices(t)["exim"].Vendor
	exim.QueueRun.Value = 2 * time.Second
	exim.Stages.Value = []Stage{{Until: 24 * time.Second, Every: 3 * time.Second},
		{Until: 192 * time.Second, Every: 12 * time.Second, Factor: 1.5}, {Until: 1152 * time.Second, Every: 72 * time.Second}}
	postfix := choices(t)["postfix"].Vendor
	postfix.Min.Value, postfix.Max.Value, postfix.QueueRun.Value = 5*time.Second, 66*time.Second, 5*time.Second
	sendmail := choices(t)["sendmail"].Vendor
	sendmail.QueueRun.Value = 5 * time.Second
	for _, c := range []struct {
		name string
		rule Rule
		want []time.Duration
	}{
		{"exim", exim, seconds(4, 8, 12, 16, 20, 24, 28, 40, 58)},
		{"postfix", postfix, seconds(5, 10, 20, 40, 80)},
		{"sendmail", sendmail, seconds(5, 10, 15, 20, 25, 30)},
	} {
		got, _ := ages(c.rule, Message, len(c.want))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestEachServerGivesUpAndWarnsAtItsTime(t *testing.T) {
	for server, want := range map[string]struct{ expire, warn time.Duration }{
		"postfix": {120 * time.Hour, 0}, "osx": {120 * time.Hour, 0}, "sendmail": {120 * time.Hour, 4 * time.Hour},
		"exim": {96 * time.Hour, 24 * time.Hour}, "qmail": {168 * time.Hour, 0},
		"exchange-hub": {48 * time.Hour, 4 * time.Hour}, "exchange-edge": {48 * time.Hour, 4 * time.Hour},
		"exchange-2003": {48 * time.Hour, 12 * time.Hour}, "domino": {24 * time.Hour, 0}, "groupwise": {96 * time.Hour, 0},
	} {
		r := choices(t)[server].Choose(true)
		tries, expired := ages(r, Message, mostTries)
		if !expired {
			t.Fatalf("%s never gives up", server)
		}
		last := tries[len(tries)-1]
		if last < want.expire || last > want.expire+7*time.Hour {
			t.Errorf("%s gives up at %s, want %s or the next try", server, last, want.expire)
		}
		if r.Ending.Value == OnTime && last != want.expire {
			t.Errorf("%s gives up at %s, want %s exactly", server, last, want.expire)
		}
		if at, warns := r.WarnAt(birth()); warns != (want.warn > 0) || at != birth().Add(want.warn) {
			t.Errorf("%s warns at %s (%t), want after %s", server, at, warns, want.warn)
		}
	}
}

func TestALateTryMissesNoQueueRun(t *testing.T) {
	r := choices(t)["postfix"].Vendor
	last := birth().Add(300*time.Second + 70*time.Millisecond)
	next, _ := r.Next(birth(), last, 2, Message)
	if want := birth().Add(600 * time.Second); next != want {
		t.Errorf("next try at +%s, want +%s", next.Sub(birth()), want.Sub(birth()))
	}
}

func TestQueueRunsAreTheServersNotTheMessages(t *testing.T) {
	start := birth().Add(-199 * time.Second)
	next, _ := choices(t)["sendmail"].Vendor.NextFrom(start, birth(), birth(), 1, Message)
	if want := start.Add(10 * time.Minute); next != want {
		t.Errorf("next try at %s, want the queue run at %s", next, want)
	}
}

// For every profile, and whatever rule a user writes: the next try is later than the last, and what expires does so only
// when its time is over.
func TestTheNextTryIsAlwaysLater(t *testing.T) {
	profiles := choices(t)
	rapid.Check(t, func(t *rapid.T) {
		r := anyRule(t)
		if rapid.Bool().Draw(t, "of a profile") {
			server := rapid.SampledFrom([]string{"postfix", "sendmail", "exim", "qmail", "domino", "exchange-hub"}).Draw(t, "server")
			r = profiles[server].Choose(rapid.Bool().Draw(t, "documented"))
		}
		start := birth().Add(-time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "start")))
		last := birth().Add(time.Duration(rapid.Int64Range(0, 6e14).Draw(t, "age")))
		class := rapid.SampledFrom([]Class{Connection, Message}).Draw(t, "class")
		next, expired := r.NextFrom(start, birth(), last, rapid.IntRange(0, 1000).Draw(t, "attempts"), class)
		old := last.Sub(birth()) >= r.Expire.Value && r.Expire.Value > 0
		if expired != old || !expired && !next.After(last) {
			t.Fatalf("last try at +%s: next at +%s, expired %t", last.Sub(birth()), next.Sub(birth()), expired)
		}
	})
}

func anyRule(t *rapid.T) (r Rule) {
	length := func(name string) sourced.Value[time.Duration] {
		return sourced.Value[time.Duration]{Value: time.Duration(rapid.Int64Range(0, 2e14).Draw(t, name))}
	}
	r.Kind.Value = Kind(rapid.SampledFrom(Kind("").Words()).Draw(t, "kind"))
	r.Ending.Value = Ending(rapid.SampledFrom(Ending("").Words()).Draw(t, "ending"))
	r.Min, r.Max, r.Deferral, r.Expire = length("min"), length("max"), length("deferral"), length("expire")
	if rapid.Bool().Draw(t, "queue runs") {
		r.QueueRun = length("run")
	}
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		r.Steps.Value = append(r.Steps.Value, length("step").Value)
		r.Stages.Value = append(r.Stages.Value, Stage{Until: length("until").Value, Every: length("every").Value, Factor: 1.5})
	}
	return r
}

// BenchmarkADayOfRetries is a day of 100,000 messages that are deferred each time, on each server's schedule.
func BenchmarkADayOfRetries(b *testing.B) {
	text, err := os.ReadFile("../profiles/exim.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var p struct{ Retry Choices }
	if err := yaml.Unmarshal(text, &p); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for range 100_000 {
			for last, n := birth(), 1; last.Sub(birth()) < 24*time.Hour; n++ {
				last, _ = p.Retry.Vendor.Next(birth(), last, n, Message)
			}
		}
	}
}
