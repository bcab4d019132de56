package faults_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/faults"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestWhatAFaultMayNotBe(t *testing.T) {
	refusal := &faults.Reply{Code: 451}
	for name, test := range map[string]struct {
		fault faults.Fault
		want  []string // field: value
	}{
		"no stage":           {faults.Fault{Drop: true}, []string{`on: ""`}},
		"unknown stage":      {faults.Fault{On: "quit", Drop: true}, []string{`on: "quit"`}},
		"nothing to do":      {faults.Fault{On: faults.Mail}, []string{"reply: neither reply, delay, rate nor drop is given"}},
		"code too low":       {faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 199}}, []string{"reply.code: 199"}},
		"code too high":      {faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 600}}, []string{"reply.code: 600"}},
		"class":              {faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451, Enhanced: "5.7.0"}}, []string{`reply.enhanced: "5.7.0"`}},
		"no enhanced code":   {faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451, Enhanced: "4.7"}}, []string{`reply.enhanced: "4.7"`}},
		"line end":           {faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451, Lines: []string{"a", "b\r\n250 c"}}}, []string{`reply.lines[1]: "b\r\n250 c"`}},
		"reply at accepted":  {faults.Fault{On: faults.Accepted, Reply: refusal}, []string{"reply.code: 451"}},
		"probability":        {faults.Fault{On: faults.Mail, Drop: true, Probability: 1.5}, []string{"probability: 1.5"}},
		"no number":          {faults.Fault{On: faults.Mail, Drop: true, Probability: math.NaN()}, []string{"probability: NaN"}},
		"below zero":         {faults.Fault{On: faults.Mail, Drop: true, Probability: -0.1, Count: -1, TTL: -1, Delay: -1}, []string{"delay: -1ns", "count: -1", "ttl: -1ns", "probability: -0.1"}},
		"long delay":         {faults.Fault{On: faults.Mail, Delay: faults.Span(2 * time.Hour)}, []string{"delay: 2h0m0s"}},
		"rate elsewhere":     {faults.Fault{On: faults.Mail, Rate: 10}, []string{"rate: 10"}},
		"rate and drop":      {faults.Fault{On: faults.Connect, Rate: 10, Drop: true}, []string{"rate: 10"}},
		"bad range":          {faults.Fault{On: faults.Mail, Drop: true, When: faults.When{Peer: "127.0.0.1/33"}}, []string{`when.peer: "127.0.0.1/33"`}},
		"bad address":        {faults.Fault{On: faults.Mail, Drop: true, When: faults.When{Peer: "localhost"}}, []string{`when.peer: "localhost"`}},
		"bad glob":           {faults.Fault{On: faults.Mail, Drop: true, When: faults.When{Helo: "a\n*"}}, []string{`when.helo: "a\n*"`}},
		"brackets":           {faults.Fault{On: faults.Rcpt, Drop: true, When: faults.When{Recipient: "<a@b.example>"}}, []string{`when.recipient: "<a@b.example>"`}},
		"sender at helo":     {faults.Fault{On: faults.Helo, Drop: true, When: faults.When{Sender: "*"}}, []string{`when.sender: "*"`}},
		"recipient at mail":  {faults.Fault{On: faults.Mail, Drop: true, When: faults.When{Recipient: "*"}}, []string{`when.recipient: "*"`}},
		"negative nth":       {faults.Fault{On: faults.Mail, Drop: true, When: faults.When{Nth: -2}}, []string{"when.nth: -2"}},
		"an ID with a slash": {faults.Fault{ID: "a/b", On: faults.Mail, Drop: true}, []string{`id: "a/b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := faults.New(time.Now).Add(test.fault)
			if err == nil {
				t.Fatal("it was added")
			}
			var got []string
			for _, line := range strings.Split(err.Error(), "\n") {
				said, want, ok := strings.Cut(line, "; write ")
				if !ok || want == "" {
					t.Errorf("%q doesn't say what to write", line)
				}
				got = append(got, said)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			var invalid *faults.Invalid
			if !errors.As(err, &invalid) || invalid.Field == "" {
				t.Errorf("no field is named: %v", err)
			}
		})
	}
}

func TestAddGivesWhatIsMissing(t *testing.T) {
	c := clock.New(noon)
	s := faults.New(c.Now)
	got, err := s.Add(faults.Fault{On: faults.Mail, Drop: true, TTL: faults.Span(time.Hour), Probability: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != "f1" || got.Seed == 0 || got.Seed >= 1<<53 || !got.Expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %+v", got)
	}
	if _, err := s.Add(faults.Fault{ID: "f2", On: faults.Mail, Drop: true}); err != nil {
		t.Fatal(err)
	}
	third, err := s.Add(faults.Fault{On: faults.Mail, Drop: true})
	if err != nil || third.ID != "f3" {
		t.Errorf("f2 was given twice: %+v, %v", third, err)
	}
	if _, err := s.Add(faults.Fault{ID: "f2", On: faults.Mail, Drop: true}); err == nil || !strings.Contains(err.Error(), "active already") {
		t.Errorf("an ID was taken twice: %v", err)
	}
	if !s.Remove("f2") || s.Remove("f2") {
		t.Error("Remove doesn't tell whether there was one")
	}
	if diff := cmp.Diff([]string{"f1", "f3"}, ids(s)); diff != "" {
		t.Errorf("active (-want +got):\n%s", diff)
	}
	c.Advance(time.Hour - 1)
	if len(s.All()) != 2 {
		t.Error("gone before its time")
	}
	c.Advance(1)
	if diff := cmp.Diff([]string{"f3"}, ids(s)); diff != "" {
		t.Errorf("after an hour (-want +got):\n%s", diff)
	}
	s.Clear()
	if len(s.All()) != 0 {
		t.Error("not cleared")
	}
}

func ids(s *faults.Set) (all []string) {
	for _, f := range s.All() {
		all = append(all, f.ID)
	}
	return all
}

func TestASetIsBounded(t *testing.T) {
	s := faults.New(time.Now)
	for range faults.Most {
		if _, err := s.Add(faults.Fault{On: faults.Mail, Drop: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Add(faults.Fault{On: faults.Mail, Drop: true}); err == nil {
		t.Error("one more was added")
	}
}

func TestJSON(t *testing.T) {
	const text = `{"on":"rcpt","when":{"recipient":"*@slow.example","nth":2},"reply":{"code":451,"enhanced":"4.3.0"},"delay":"1.5s","ttl":"10m0s"}`
	var f faults.Fault
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	if f.Delay != faults.Span(1500*time.Millisecond) {
		t.Errorf("delay %v", time.Duration(f.Delay))
	}
	back, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(back)); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"delay":"soon"}`), &f); err == nil || !strings.Contains(err.Error(), "1m30s") {
		t.Errorf("a span that is none: %v", err)
	}
}

func TestStrokesAreTold(t *testing.T) {
	c := clock.New(noon)
	s := faults.New(c.Now)
	var strokes []faults.Stroke
	s.Struck = func(stroke faults.Stroke) { strokes = append(strokes, stroke) }
	if _, err := s.Add(faults.Fault{On: faults.Rcpt, Reply: &faults.Reply{Code: 450}, Count: 2}); err != nil {
		t.Fatal(err)
	}
	decide(t, s, "rcpt", facts("anna@acme.example", "bob@other.example"))
	want := []faults.Stroke{{
		Time:    noon,
		Fault:   faults.Fault{ID: "f1", On: faults.Rcpt, Reply: &faults.Reply{Code: 450}, Count: 1, Struck: 1},
		Session: "s", Peer: netip.MustParseAddr("127.0.0.1"), Sender: "anna@acme.example", Recipient: "bob@other.example",
	}}
	if diff := cmp.Diff(want, strokes, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("strokes (-want +got):\n%s", diff)
	}
}
