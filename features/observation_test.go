package features

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/client"
)

// reply makes a reply from its lines.
func reply(code int, lines ...string) client.Reply { return client.Reply{Code: code, Lines: lines} }

var (
	taken   = reply(250, "2.0.0 OK")
	perUser = reply(550,
		"5.4.5 Daily SMTP relay limit exceeded for user. For more information on SMTP",
		"5.4.5 relay sending limits please contact your administrator")
)

func TestADocumentedRefusalIsKnownByItsBeginning(t *testing.T) {
	want := documented{550, "5.4.5", "Daily SMTP relay limit exceeded for user"}
	for name, c := range map[string]struct {
		reply client.Reply
		is    bool
	}{
		"several lines":         {perUser, true},
		"one line":              {reply(550, "5.4.5 Daily SMTP relay limit exceeded for user"), true},
		"wrapped in the middle": {reply(550, "5.4.5 Daily SMTP relay", "5.4.5 limit exceeded for user."), true},
		"another code":          {reply(554, "5.4.5 Daily SMTP relay limit exceeded for user"), false},
		"another enhanced code": {reply(550, "5.7.1 Daily SMTP relay limit exceeded for user"), false},
		"no enhanced code":      {reply(550, "Daily SMTP relay limit exceeded for user"), false},
		"another sentence":      {reply(550, "5.4.5 Daily user sending limit exceeded."), false},
		"not at the beginning":  {reply(550, "5.4.5 Sorry. Daily SMTP relay limit exceeded for user"), false},
	} {
		if got := want.is(c.reply); got != c.is {
			t.Errorf("%s: %t, want %t", name, got, c.is)
		}
	}
}

// whole, refused and partly are what a relay may make of a message to two.
func whole() outcome {
	return outcome{accepted: true, stage: "end-of-data", reply: taken, recipients: []recipient{{"a@x", taken}, {"b@x", taken}}}
}

func refusedAt(stage string, r client.Reply) outcome { return outcome{stage: stage, reply: r} }

func partly(r client.Reply) outcome {
	return outcome{accepted: true, stage: "end-of-data", reply: taken, recipients: []recipient{{"a@x", taken}, {"b@x", r}}}
}

func TestThens(t *testing.T) {
	user := func(ctx context.Context) error {
		return refusesWith(ctx, 550, "5.4.5", "Daily SMTP relay limit exceeded for user")
	}
	one := func(ctx context.Context) error {
		return acceptsOne(ctx, 550, "5.4.5", "Daily SMTP relay limit exceeded for user")
	}
	all := func(ctx context.Context) error { return accepts(ctx, "") }
	forGood := func(ctx context.Context) error { return refuses(ctx, "") }
	forNow := func(ctx context.Context) error { return refuses(ctx, ", for good or for now") }
	first := func(ctx context.Context) error { return acceptsFirst(ctx, "1") }
	most := func(ctx context.Context) error { return acceptsSome(ctx, "most", "1") }
	least := func(ctx context.Context) error { return acceptsSome(ctx, "least", "2") }
	tooMany, syntax := reply(452, "4.5.3 Too many"), reply(501, "5.5.2 Syntax")

	for name, c := range map[string]struct {
		then     func(context.Context) error
		outcomes []outcome
		fails    bool
	}{
		"accepts a whole message":          {all, []outcome{whole()}, false},
		"accepts not a part":               {all, []outcome{partly(tooMany)}, true},
		"accepts not when one is refused":  {all, []outcome{whole(), refusedAt("mail", syntax)}, true},
		"refuses with, at any stage: rcpt": {user, []outcome{refusedAt("rcpt", perUser)}, false},
		"refuses with, at any stage: dot":  {user, []outcome{refusedAt("end-of-data", perUser)}, false},
		"refuses with, one recipient":      {user, []outcome{partly(perUser)}, false},
		"refuses with, but accepted":       {user, []outcome{whole()}, true},
		"refuses with, but otherwise":      {user, []outcome{refusedAt("data", syntax)}, true},
		"refuses for good":                 {forGood, []outcome{refusedAt("mail", syntax)}, false},
		"refuses for good, not for now":    {forGood, []outcome{refusedAt("mail", tooMany)}, true},
		"refuses for now":                  {forNow, []outcome{refusedAt("mail", tooMany)}, false},
		"accepts one of two":               {one, []outcome{whole(), refusedAt("data", perUser)}, false},
		"accepts both of two":              {one, []outcome{whole(), whole()}, true},
		"accepts none of two":              {one, []outcome{refusedAt("data", perUser), refusedAt("data", perUser)}, true},
		"refuses the other otherwise":      {one, []outcome{whole(), refusedAt("data", syntax)}, true},
		"the first, and 452 for the rest":  {first, []outcome{partly(tooMany)}, false},
		"the first, and 501 for the rest":  {first, []outcome{partly(syntax)}, true},
		"the first, and all the rest":      {first, []outcome{whole()}, false},
		"not even the first":               {first, []outcome{refusedAt("rcpt", tooMany)}, true},
		"at most one, one was":             {most, []outcome{partly(tooMany)}, false},
		"at most one, none was":            {most, []outcome{refusedAt("data", syntax)}, false},
		"at most one, two were":            {most, []outcome{whole()}, true},
		"at least two, one was":            {least, []outcome{partly(tooMany)}, true},
		"at least two, two were":           {least, []outcome{whole()}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := stepping(bareTarget{})
			s.outcomes = c.outcomes
			err := c.then(ctx)
			if failure := new(Failure); err != nil && !errors.As(err, &failure) {
				t.Fatalf("%v is no *Failure", err)
			}
			if (err != nil) != c.fails {
				t.Errorf("got %v, want a failure: %t", err, c.fails)
			}
		})
	}
}

func TestAThenWithNothingToJudgeIsNoFailure(t *testing.T) {
	ctx, _ := stepping(bareTarget{})
	for name, err := range map[string]error{
		"accepts": accepts(ctx, ""),
		"refuses": refuses(ctx, ""),
		"with":    refusesWith(ctx, 550, "5.4.5", ""),
		"some":    acceptsSome(ctx, "most", "1"),
		"first":   acceptsFirst(ctx, "1"),
	} {
		if failure := new(Failure); err == nil || errors.As(err, &failure) {
			t.Errorf("%s: %v, want an error that is no failure", name, err)
		}
	}
}

func TestStagesOfRefusalsAreKept(t *testing.T) {
	ctx, s := stepping(bareTarget{})
	s.outcomes = []outcome{refusedAt("rcpt", perUser), refusedAt("rcpt", perUser), refusedAt("data", perUser)}
	if err := refuses(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"rcpt", "data"}, s.stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestAFailureShowsTheReplyAndMarksIt(t *testing.T) {
	ctx, s := stepping(bareTarget{})
	s.transcript.Server("1", "550-5.7.1 No.")
	s.transcript.Server("1", "550 5.7.1 Never.")
	o := refusedAt("mail", reply(550, "5.7.1 No anna@acme-t1.example."))
	o.session, o.mail = "1", mail{sender: "anna@acme-t1.example", recipients: []string{"b@x"}}
	s.outcomes = []outcome{o}
	want := &Failure{Want: "acceptance", Got: "the message from <anna@acme.example> refused at mail: 550 5.7.1 No anna@acme.example.", Reply: "550 5.7.1"}
	failure := new(Failure)
	if err := accepts(ctx, ""); !errors.As(err, &failure) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, failure); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	marked := 0
	for _, e := range s.transcript.Entries() {
		if e.Marked {
			marked++
		}
	}
	if marked != 1 {
		t.Errorf("%d lines are marked, want 1", marked)
	}
}
