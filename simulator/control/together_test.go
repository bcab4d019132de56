package control

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/simulator/clock"
)

// decided is a relay that only keeps by what it decides. The first time it has a world it lets during happen.
type decided struct {
	by     policy.Directory
	during func()
}

func (d *decided) SetDirectory(by policy.Directory) {
	d.by = by
	if during := d.during; during != nil {
		d.during = nil
		during()
	}
}

// steering is a Server of relay.
func steering(t *testing.T, relay Relay) *Server {
	t.Helper()
	service, err := services.Load(services.Default, nil)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := directory.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Service: service, Directory: nobody, Ledger: ledger.New(ledger.Options{}), Clock: clock.New(time.Unix(0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	s.Steer(relay, nil)
	return s
}

// asked gives the status and the body that s answers with.
func asked(s *Server, method, path, body string) (status int, text string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestTwoWorldsAtOnceLeaveOne(t *testing.T) {
	relay := &decided{}
	s := steering(t, relay)
	other := make(chan int, 1)
	relay.during = func() { // the other has every chance to overtake
		began := make(chan struct{})
		go func() {
			close(began)
			status, _ := asked(s, "PUT", "/v1/world", `{"customers":[{"id":"b","licences":1,"domains":["b.example"]}]}`)
			other <- status
		}()
		<-began
		for range 100_000 {
			if len(other) > 0 {
				return
			}
			runtime.Gosched()
		}
	}
	if status, text := asked(s, "PUT", "/v1/world", `{"customers":[{"id":"a","licences":1,"domains":["a.example"]}]}`); status != http.StatusNoContent {
		t.Fatalf("answered %d %s", status, text)
	}
	if status := <-other; status != http.StatusNoContent {
		t.Fatalf("the other was answered %d", status)
	}
	if relay.by != policy.Directory(s.world.Load()) {
		t.Error("the relay has one world and the API the other")
	}
}

func TestTheClockIsNotMovedBehindClose(t *testing.T) {
	s := steering(t, &decided{})
	if status, text := asked(s, "POST", "/v1/clock/advance", `{"seconds":1}`); status != http.StatusOK {
		t.Fatalf("answered %d %s", status, text)
	}
	before := s.options.Clock.Now()
	for range 2 { // Close may be repeated
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	status, text := asked(s, "POST", "/v1/clock/advance", `{"seconds":1}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "the relay ends") {
		t.Errorf("answered %d %s", status, text)
	}
	if now := s.options.Clock.Now(); !now.Equal(before) {
		t.Errorf("the clock went from %s to %s", before, now)
	}
}
