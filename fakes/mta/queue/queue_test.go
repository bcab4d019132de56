package queue

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// noon is when the messages of these tests came.
func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

func message(n int) Message {
	return Message{
		ID: fmt.Sprintf("%011X", n), Sender: "alice@corp.example", Recipients: []string{fmt.Sprintf("bob%d@example.net", n)},
		Relay: "smtp-relay.gmail.com:25", Received: 217, Born: noon(),
	}
}

func open(t testing.TB, folder string) *Queue {
	t.Helper()
	q, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueueGivesWhatIsDueLongestDueFirst(t *testing.T) {
	q := open(t, "")
	for n, due := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute, time.Minute} {
		i, err := q.Add(message(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.PutBack(i, nil, State{}, noon().Add(due)); err != nil {
			t.Fatal(err)
		}
	}
	if next, ok := q.NextDue(); !ok || !next.Equal(noon().Add(time.Minute)) {
		t.Errorf("next due at %v (%v)", next, ok)
	}
	var got []string
	for _, i := range q.Due(noon().Add(2 * time.Minute)) {
		got = append(got, i.Message().ID[10:])
	}
	if diff := cmp.Diff([]string{"1", "3", "2"}, got); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if all := q.All(); len(all) != 1 || all[0].Message().ID[10:] != "0" {
		t.Errorf("%d of all wait", len(all))
	}
	if _, ok := q.NextDue(); ok || q.Len() != 4 {
		t.Errorf("something is due, or %d messages", q.Len())
	}
}

func TestQueueKeepsAllThatIsKnownOfAMessage(t *testing.T) {
	for _, folder := range []string{"", t.TempDir()} {
		q := open(t, folder)
		want := message(7)
		want.Recipients, want.Bounce = []string{"a@x.example", "b@x.example", "c@x.example"}, true
		i, err := q.Add(want, []byte("Subject: x\r\n\r\ny\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		state := State{Last: noon().Add(time.Hour).UTC(), Attempts: 3, Warned: true, Failures: []byte(`[{"Recipient":"a@x.example"}]`)}
		want.State = state
		want.Recipients = []string{"b@x.example", "c@x.example"}
		if err := q.PutBack(i, want.Recipients, state, noon().Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if folder != "" { // it outlives the process
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = open(t, folder)
		}
		listed := q.List()
		if len(listed) != 1 {
			t.Fatalf("%d messages", len(listed))
		}
		got := listed[0].Message
		got.Born, got.Last = got.Born.UTC(), got.Last.UTC()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
		all := q.All()
		if content, err := q.Content(all[0]); err != nil || string(content) != "Subject: x\r\n\r\ny\r\n" {
			t.Errorf("content %q: %v", content, err)
		}
		if err := q.Remove(all[0]); err != nil || q.Len() != 0 {
			t.Errorf("%d messages after the last one was removed: %v", q.Len(), err)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestQueueNeverGivesAFrozenMessage(t *testing.T) {
	folder := t.TempDir()
	q := open(t, folder)
	i, err := q.Add(message(1), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.PutBack(i, nil, State{Frozen: true}, noon()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, ok := q.NextDue(); ok || len(q.All()) > 0 || len(q.Due(noon().Add(time.Hour))) > 0 || q.Len() != 1 {
			t.Error("a frozen message is given, or gone")
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = open(t, folder)
	}
	q.Close()
}

func TestQueueRefusesNonsense(t *testing.T) {
	q := open(t, "")
	for _, m := range []Message{{}, {ID: "x"}, {ID: "x", Recipients: []string{"a\x00b"}}, {ID: "x", Sender: "\x00", Recipients: []string{"a"}}} {
		if _, err := q.Add(m, nil); !errors.Is(err, ErrUnfit) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if q.Len() != 0 {
		t.Errorf("%d messages", q.Len())
	}
}

func TestOpenSaysWhatIsWrongWithAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	q := open(t, used)
	defer q.Close()
	strange := t.TempDir()
	for name, text := range map[string]string{"0000000000000001.json": "{", "README": "not ours"} {
		if err := os.WriteFile(filepath.Join(strange, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, want := range map[string]string{
		file:                         "make the queue folder: ",
		filepath.Join(file, "below"): "make the queue folder: ",
		used:                         "is in use by another process",
		strange:                      "0000000000000001.json is no message of a queue: unexpected end of JSON input; move it out of the folder",
	} {
		if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", folder, err, want)
		}
	}
}

func TestOpenRemovesWhatWasNeverQueued(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"0000000000000005.eml", "0000000000000006.json.part", "0000000000000007.eml.part", "notes.eml"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := open(t, folder)
	defer q.Close()
	if _, err := q.Add(message(1), []byte("x")); err != nil {
		t.Fatal(err)
	}
	want := []string{"0000000000000008.eml", "0000000000000008.json", "lock", "notes.eml"}
	if diff := cmp.Diff(want, names(t, folder)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func names(t *testing.T, folder string) (all []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		all = append(all, file.Name())
	}
	return all
}

// TestAQueueThatCantWriteLosesNothing takes the folder away while the queue has it.
func TestAQueueThatCantWriteLosesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "queue")
	q := open(t, folder)
	defer q.Close()
	first, err := q.Add(message(1), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	away := folder + ".away"
	if err := os.Rename(folder, away); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Add(message(2), []byte("x")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "free space in the queue folder, or name another one") {
		t.Errorf("add: %v", err)
	}
	if err := q.PutBack(first, nil, State{Attempts: 1}, noon()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("put back: %v", err)
	}
	due := q.Due(noon())
	if q.Len() != 1 || len(due) != 1 || due[0].State().Attempts != 1 {
		t.Errorf("%d messages, %d due", q.Len(), len(due))
	}
	if err := os.Rename(away, folder); err != nil {
		t.Fatal(err)
	}
	if content, err := q.Content(due[0]); err != nil || string(content) != "x" {
		t.Errorf("content %q: %v", content, err)
	}
}

// model is a queue as it should be.
type model struct {
	due map[string]time.Time // those that wait
	has map[string]*Item     // those that the test has
}

// TestQueueIsLikeItsModel does anything in any order.
func TestQueueIsLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, err := Open("")
		if err != nil {
			t.Fatal(err)
		}
		m := model{map[string]time.Time{}, map[string]*Item{}}
		serial, now := 0, noon()
		took := func(items []*Item, until time.Time) {
			for _, i := range items {
				id := i.Message().ID
				if due, waits := m.due[id]; !waits || due.After(until) {
					t.Fatalf("%s was given, due at %v (%v)", id, due, waits)
				}
				delete(m.due, id)
				m.has[id] = i
			}
			for id, due := range m.due {
				if !due.After(until) {
					t.Fatalf("%s wasn't given", id)
				}
			}
		}
		pick := func(t *rapid.T) string {
			if len(m.has) == 0 {
				t.Skip("nothing is taken")
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(m.has))).Draw(t, "message")
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				serial++
				i, err := q.Add(message(serial), nil)
				if err != nil {
					t.Fatal(err)
				}
				m.has[i.Message().ID] = i
			},
			"put back": func(t *rapid.T) {
				id := pick(t)
				due := now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
				if err := q.PutBack(m.has[id], nil, State{}, due); err != nil {
					t.Fatal(err)
				}
				delete(m.has, id)
				m.due[id] = due
			},
			"remove": func(t *rapid.T) {
				id := pick(t)
				if err := q.Remove(m.has[id]); err != nil {
					t.Fatal(err)
				}
				delete(m.has, id)
			},
			"due": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
				took(q.Due(now), now)
			},
			"all": func(*rapid.T) { took(q.All(), now.Add(time.Hour)) },
			"": func(t *rapid.T) {
				if q.Len() != len(m.due)+len(m.has) || len(q.List()) != q.Len() {
					t.Fatalf("%d messages, %d listed, want %d", q.Len(), len(q.List()), len(m.due)+len(m.has))
				}
				next, any := q.NextDue()
				earliest := slices.SortedFunc(maps.Values(m.due), time.Time.Compare)
				if any != (len(earliest) > 0) || any && !next.Equal(earliest[0]) {
					t.Fatalf("next due at %v (%v), want %v", next, any, earliest)
				}
			},
		})
	})
}

// mostOctets is what a message may take besides its content. Source: the project's own bound.
const mostOctets = 500

// TestHundredThousandMessagesTakeLittle measures what a queued message takes besides its content, with due times all over a
// day.
func TestHundredThousandMessagesTakeLittle(t *testing.T) {
	const messages = 100_000
	content := bytes.Repeat([]byte("x"), 1000) // shared: it isn't counted
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	q := open(t, "")
	for n := range messages {
		i, err := q.Add(message(n), content)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.PutBack(i, nil, State{Attempts: 1, Last: noon()}, noon().Add(time.Duration(n)*864*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / messages
	t.Logf("%d octets a message", each)
	if each > mostOctets {
		t.Errorf("a message takes %d octets, want %d at most", each, mostOctets)
	}
	runtime.KeepAlive(q)
}
