package faults_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/faults"
)

// agreeable is an Engine that agrees to everything but one sender.
type agreeable struct{ asked int }

func (e *agreeable) Decide(_ context.Context, _ policy.Stage, f *policy.Facts) (policy.Decision, error) {
	e.asked++
	if f.Sender.Local == "refused" {
		return policy.Decision{Reply: policy.Reply{Code: 550, Lines: []string{"no"}}}, nil
	}
	return policy.Decision{}, nil
}

func (e *agreeable) Commit(_ context.Context, _ *policy.Facts, body io.Reader) (policy.Decision, error) {
	_, err := io.Copy(io.Discard, body)
	return policy.Decision{}, err
}

func (e *agreeable) Release(*policy.Facts) {}

func address(text string) policy.Address {
	local, domain, _ := strings.Cut(text, "@")
	return policy.Address{Local: local, Domain: domain}
}

func facts(sender, recipient string) *policy.Facts {
	return &policy.Facts{Session: "s", Peer: netip.MustParseAddr("127.0.0.1"), Helo: "mail.acme.example", Sender: address(sender), Rcpt: address(recipient)}
}

func stage(t *testing.T, name string) policy.Stage {
	t.Helper()
	for s := policy.Connect; s <= policy.Accept; s++ {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no stage is called %s", name)
	return 0
}

// decide asks a relay with the faults of s around it.
func decide(t *testing.T, s *faults.Set, at string, f *policy.Facts) policy.Decision {
	t.Helper()
	d, err := s.Engine(&agreeable{}).Decide(context.Background(), stage(t, at), f)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhenAFaultStrikes(t *testing.T) {
	for name, test := range map[string]struct {
		when    faults.When
		on      faults.Stage
		facts   func(*policy.Facts)
		strikes bool
	}{
		"always":                 {faults.When{}, faults.Mail, nil, true},
		"another stage":          {faults.When{}, faults.Helo, nil, false},
		"sender":                 {faults.When{Sender: "ANNA@acme.example"}, faults.Mail, nil, true},
		"sender by glob":         {faults.When{Sender: "a?na@*.example"}, faults.Mail, nil, true},
		"the whole name":         {faults.When{Sender: "anna@acme"}, faults.Mail, nil, false},
		"a dot is a dot":         {faults.When{Sender: "anna@acme.exampl."}, faults.Mail, nil, false},
		"not the null sender":    {faults.When{Sender: "<>"}, faults.Mail, nil, false},
		"the null sender":        {faults.When{Sender: "<>"}, faults.Mail, func(f *policy.Facts) { f.Sender = policy.Address{} }, true},
		"helo":                   {faults.When{Helo: "*.acme.example"}, faults.Mail, nil, true},
		"another helo":           {faults.When{Helo: "*.other.example"}, faults.Mail, nil, false},
		"peer":                   {faults.When{Peer: "127.0.0.1"}, faults.Mail, nil, true},
		"peer in a range":        {faults.When{Peer: "127.0.0.0/8"}, faults.Mail, nil, true},
		"peer in a range, spelt": {faults.When{Peer: "127.9.9.9/8"}, faults.Mail, nil, true},
		"peer by glob":           {faults.When{Peer: "127.0.0.?"}, faults.Mail, nil, true},
		"another peer":           {faults.When{Peer: "192.0.2.0/24"}, faults.Mail, nil, false},
		"user":                   {faults.When{User: "anna@*"}, faults.Mail, func(f *policy.Facts) { f.User = "anna@acme.example" }, true},
		"nobody authenticated":   {faults.When{User: "anna@*"}, faults.Mail, nil, false},
		"who tries to":           {faults.When{User: "anna@*"}, faults.Auth, func(f *policy.Facts) { f.Offered = &policy.Credentials{User: "Anna@acme.example"} }, true},
		"this recipient":         {faults.When{Recipient: "bob@*"}, faults.Rcpt, nil, true},
		"one before it":          {faults.When{Recipient: "eve@*"}, faults.Rcpt, func(f *policy.Facts) { f.Recipients = []policy.Address{address("eve@other.example")} }, false},
		"one of those at data": {faults.When{Recipient: "eve@*"}, faults.Data, func(f *policy.Facts) {
			f.Recipients = []policy.Address{address("a@b.example"), address("eve@other.example")}
		}, true},
		"none of those at data":   {faults.When{Recipient: "eve@*"}, faults.Data, func(f *policy.Facts) { f.Recipients = []policy.Address{address("a@b.example")} }, false},
		"all that is set must be": {faults.When{Sender: "anna@*", Helo: "nowhere"}, faults.Mail, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := faults.New(time.Now)
			if _, err := s.Add(faults.Fault{On: test.on, When: test.when, Reply: &faults.Reply{Code: 451}}); err != nil {
				t.Fatal(err)
			}
			f := facts("anna@acme.example", "bob@other.example")
			if test.facts != nil {
				test.facts(f)
			}
			at := string(test.on)
			if name == "another stage" {
				at = "mail"
			}
			if d := decide(t, s, at, f); d.Refused() != test.strikes {
				t.Errorf("decided %+v", d)
			}
		})
	}
}

// pattern tells for each of n messages whether the fault struck.
func pattern(t *testing.T, s *faults.Set, n int) string {
	t.Helper()
	var b strings.Builder
	for range n {
		if d := decide(t, s, "mail", facts("anna@acme.example", "")); d.Refused() {
			b.WriteByte('x')
		} else {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func TestHowOftenAFaultStrikes(t *testing.T) {
	for name, test := range map[string]struct {
		fault faults.Fault
		want  string
	}{
		"always":        {faults.Fault{}, "xxxxxxxxxx"},
		"count":         {faults.Fault{Count: 3}, "xxx......."},
		"nth":           {faults.Fault{When: faults.When{Nth: 3}}, "..x..x..x."},
		"nth and count": {faults.Fault{When: faults.When{Nth: 3}, Count: 2}, "..x..x...."},
		"certain":       {faults.Fault{Probability: 1}, "xxxxxxxxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			s := faults.New(time.Now)
			test.fault.On, test.fault.Reply = faults.Mail, &faults.Reply{Code: 451}
			if _, err := s.Add(test.fault); err != nil {
				t.Fatal(err)
			}
			if got := pattern(t, s, len(test.want)); got != test.want {
				t.Errorf("struck %s, want %s", got, test.want)
			}
			if test.fault.Count > 0 && len(s.All()) != 0 {
				t.Error("it is used up and still there")
			}
		})
	}
}

func TestCountTellsWhatIsLeft(t *testing.T) {
	s := faults.New(time.Now)
	if _, err := s.Add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451}, Count: 3}); err != nil {
		t.Fatal(err)
	}
	pattern(t, s, 2)
	if left := s.All()[0]; left.Count != 1 || left.Struck != 2 {
		t.Errorf("%d are left and %d have struck", left.Count, left.Struck)
	}
}

func TestASeedGivesTheSameStrokes(t *testing.T) {
	const n = 200
	run := func(seed uint64) (string, uint64) {
		s := faults.New(time.Now)
		f, err := s.Add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451}, Probability: 0.25, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return pattern(t, s, n), f.Seed
	}
	first, drawn := run(0)
	again, _ := run(drawn)
	if first != again {
		t.Errorf("seed %d struck\n%s, then\n%s", drawn, first, again)
	}
	other, _ := run(drawn + 1)
	if first == other {
		t.Error("another seed strikes alike")
	}
	if struck := strings.Count(first, "x"); struck < n/10 || struck > n/2 {
		t.Errorf("struck %d of %d times at a probability of a quarter", struck, n)
	}
}

func TestSeveralFaultsStrikeTogether(t *testing.T) {
	s := faults.New(time.Now)
	for _, f := range []faults.Fault{
		{On: faults.Mail, Delay: faults.Span(time.Second)},
		{On: faults.Mail, Delay: faults.Span(2 * time.Second), Reply: &faults.Reply{Code: 451, Enhanced: "4.3.2", Lines: []string{"busy"}}, Drop: true},
		{On: faults.Mail, Reply: &faults.Reply{Code: 550}},
	} {
		if _, err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	want := policy.Decision{
		Reply: policy.Reply{Code: 451, Enhanced: "4.3.2", Lines: []string{"busy"}}, Rule: "fault/f2", Close: true, Delay: 3 * time.Second,
	}
	if diff := cmp.Diff(want, decide(t, s, "mail", facts("anna@acme.example", ""))); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
	var struck []int
	for _, f := range s.All() {
		struck = append(struck, f.Struck)
	}
	if !slices.Equal(struck, []int{1, 1, 0}) {
		t.Errorf("struck %v: the first that answers is the last", struck)
	}
}

func TestARefusalIsNotAskedOfTheRelay(t *testing.T) {
	s, relay := faults.New(time.Now), &agreeable{}
	if _, err := s.Add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Engine(relay).Decide(context.Background(), policy.Mail, facts("anna@acme.example", "")); err != nil || relay.asked != 0 {
		t.Errorf("asked %d times, %v", relay.asked, err)
	}
}

func TestOtherWordsDontTurnARefusal(t *testing.T) {
	s := faults.New(time.Now)
	if _, err := s.Add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 250, Lines: []string{"so be it"}}}); err != nil {
		t.Fatal(err)
	}
	if d := decide(t, s, "mail", facts("anna@acme.example", "")); d.Refused() || fmt.Sprint(d.Reply.Lines) != "[so be it]" {
		t.Errorf("decided %+v", d)
	}
	if d := decide(t, s, "mail", facts("refused@acme.example", "")); d.Reply.Code != 550 {
		t.Errorf("decided %+v", d)
	}
}

func TestAFaultGoesWithItsTime(t *testing.T) {
	c := clock.New(noon)
	s := faults.New(c.Now)
	if _, err := s.Add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 451}, TTL: faults.Span(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	before := pattern(t, s, 2)
	c.Advance(time.Minute)
	if after := pattern(t, s, 2); before != "xx" || after != ".." {
		t.Errorf("struck %s before and %s after its minute", before, after)
	}
}

func TestADelayAtAcceptEndsWithTheRelay(t *testing.T) {
	s := faults.New(time.Now)
	if _, err := s.Add(faults.Fault{On: faults.Accept, Delay: faults.Span(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Engine(&agreeable{}).Commit(ctx, facts("anna@acme.example", ""), strings.NewReader("Subject: x\r\n\r\n"))
	if err != context.Canceled {
		t.Errorf("committed: %v", err)
	}
}
