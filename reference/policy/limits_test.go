package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// charged lists the items of a charge, one a line: counter, user, amount/limit in window, refusal.
func charged(c *policy.Charge) string {
	var lines []string
	for _, i := range c.Items() {
		kind := ""
		if i.Kind == policy.Distinct {
			kind = " distinct"
		}
		lines = append(lines, fmt.Sprintf("%s%s %s %d/%d in %s -> %s", i.Counter, kind, i.User, i.Amount, i.Limit, i.Window.Length, i.Refusal))
	}
	return strings.Join(lines, "\n")
}

func TestCharge(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(c *policy.Customer)
		facts  *policy.Facts
		want   []string
	}{
		{"a registered user", func(*policy.Customer) {}, from("anna@acme.example", to("a@x.example", "b@x.example", "a@x.example")), []string{
			"customer-day  3/13000 in 24h0m0s -> customer-day",
			"customer-peak  3/900 in 10m0s -> customer-peak",
			"user-messages anna@acme.example 1/10000 in 24h0m0s -> user-limit",
			"user-recipients distinct anna@acme.example 0/10000 in 24h0m0s -> user-limit",
		}},
		{"an unregistered sender", func(*policy.Customer) {}, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/13000 in 24h0m0s -> customer-day",
			"customer-peak  1/900 in 10m0s -> customer-peak",
		}},
		{"the AUTH identity isn't charged", func(*policy.Customer) {}, from("app@acme.example", as("anna@acme.example"), to("a@x.example")), []string{
			"customer-day  1/13000 in 24h0m0s -> customer-day",
			"customer-peak  1/900 in 10m0s -> customer-peak",
		}},
		{"a rewritten sender charges no postmaster", func(*policy.Customer) {}, from("x@yahoo.example", helo("acme.example"), to("a@x.example")), []string{
			"customer-day  1/13000 in 24h0m0s -> customer-day",
			"customer-peak  1/900 in 10m0s -> customer-peak",
		}},
		{"one licence: the customer's day caps the user's messages", func(c *policy.Customer) { c.Licences = 1 }, from("anna@acme.example", to("a@x.example")), []string{
			"customer-day  1/130 in 24h0m0s -> customer-day",
			"customer-peak  1/9 in 10m0s -> customer-peak",
			"user-messages anna@acme.example 1/130 in 24h0m0s -> user-limit",
			"user-recipients distinct anna@acme.example 0/10000 in 24h0m0s -> user-limit",
		}},
		{"the ceilings", func(c *policy.Customer) { c.Licences = 40_000 }, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/4600000 in 24h0m0s -> customer-day",
			"customer-peak  1/319444 in 10m0s -> customer-peak",
		}},
		{"unpaid", func(c *policy.Customer) { c.Paid = false }, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/100 in 24h0m0s -> customer-day",
			"customer-peak  1/50 in 10m0s -> customer-peak",
		}},
		{"unpaid and tiny: the lower one", func(c *policy.Customer) { c.Paid, c.Licences = false, 1 }, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/100 in 24h0m0s -> customer-day",
			"customer-peak  1/9 in 10m0s -> customer-peak",
		}},
		{"a trial", func(c *policy.Customer) { c.Paid, c.Trial = false, true }, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/100 in 24h0m0s -> customer-day",
			"customer-peak  1/50 in 10m0s -> customer-peak",
		}},
		{"a trial with a paid invoice", func(c *policy.Customer) { c.Trial = true }, from("app@acme.example", to("a@x.example")), []string{
			"customer-day  1/13000 in 24h0m0s -> customer-day",
			"customer-peak  1/900 in 10m0s -> customer-peak",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld().settings("acme.example", byAddress(policy.AnyAddress))
			c.change(w.customers["acme.example"])
			d := relay(t, w).Decide(policy.Data, c.facts)
			if diff := cmp.Diff(strings.Join(c.want, "\n"), charged(d.Charge)); diff != "" {
				t.Errorf("%s\n%s", verdict(d), diff)
			}
		})
	}
}

// An event names the rule whose limit it was.
func TestLimitsNameTheirRule(t *testing.T) {
	for _, c := range []struct {
		licences    int
		paid, trial bool
		day, peak   policy.RuleID
	}{
		{100, true, false, "LIM-CUST-DAY", "LIM-CUST-PEAK"},
		{40_000, true, false, "LIM-CUST-DAY-MAX", "LIM-CUST-PEAK-MAX"},
		{100, false, false, "LIM-UNPAID-DAY", "LIM-UNPAID-PEAK"},
		{100, false, true, "TRIAL-LOWER", "TRIAL-LOWER"},
		{1, false, false, "LIM-UNPAID-DAY", "LIM-CUST-PEAK"}, // 9 are fewer than 50
	} {
		w := newWorld()
		acme := w.customers["acme.example"]
		acme.Licences, acme.Paid, acme.Trial = c.licences, c.paid, c.trial
		d := relay(t, w).Decide(policy.Data, from("anna@acme.example", to("a@x.example")))
		items := d.Charge.Items()
		if items[0].Rule != c.day || items[1].Rule != c.peak {
			t.Errorf("%+v: got %s and %s", c, items[0].Rule, items[1].Rule)
		}
	}
}

func TestWhereLimitsSpeak(t *testing.T) {
	for _, c := range []struct {
		set  string
		want [3]int // items at Rcpt, Data, Accept
	}{
		{"limit-stage=data", [3]int{0, 4, 0}},
		{"limit-stage=rcpt", [3]int{4, 4, 0}},
		{"limit-stage=accept", [3]int{0, 0, 4}},
	} {
		p := relay(t, newWorld(), c.set)
		f := from("anna@acme.example", to("a@x.example"))
		f.Rcpt = address("b@x.example")
		var got [3]int
		for i, stage := range []policy.Stage{policy.Rcpt, policy.Data, policy.Accept} {
			d := p.Decide(stage, f)
			got[i] = len(d.Charge.Items())
		}
		if got != c.want {
			t.Errorf("%s: charges %v at rcpt, data, accept, want %v", c.set, got, c.want)
		}
	}
}

func TestRefusalsOfLimits(t *testing.T) {
	p := relay(t, newWorld())
	for refusal, want := range map[policy.ReplyName]string{
		policy.ReplyUserLimit:    "550 5.4.5 R",
		policy.ReplyCustomerDay:  "550 5.7.1 R",
		policy.ReplyCustomerPeak: "450 4.2.1 R",
	} {
		d := p.Refuse(&policy.Item{Rule: "R", Refusal: refusal})
		if got := verdict(d); got != want || d.Close {
			t.Errorf("%s: got %s (close %v), want %s", refusal, got, d.Close, want)
		}
	}
	if d := relay(t, newWorld(), "limit-refusal=closes").Refuse(&policy.Item{Refusal: policy.ReplyUserLimit}); !d.Close {
		t.Error("limit-refusal=closes keeps the session open")
	}
}

func TestOwnDomainsFree(t *testing.T) {
	f := from("anna@acme.example", to("a@x.example", "b@eu.acme.test", "c@acme.example"))
	counted := relay(t, newWorld(), "own-domains=free").Decide(policy.Data, f)
	if got := counted.Charge.Items()[0].Amount; got != 1 {
		t.Errorf("own-domains=free counts %d recipients, want 1", got)
	}
	all := relay(t, newWorld()).Decide(policy.Data, f)
	if got := all.Charge.Items()[0].Amount; got != 3 {
		t.Errorf("by default %d recipients count, want 3 (relay-rules 2.31)", got)
	}
}

func TestRecipientsOfATransaction(t *testing.T) {
	full := make([]string, 1000)
	for i := range full {
		full[i] = fmt.Sprintf("r%d@x.example", i)
	}
	p := relay(t, newWorld())
	if got := verdict(p.Decide(policy.Rcpt, from("anna@acme.example", to(full[:999]...)))); got != "ok " {
		t.Errorf("the 1,000th: %s", got)
	}
	if got := verdict(p.Decide(policy.Rcpt, from("anna@acme.example", to(full...)))); got != "452 4.5.3 LIM-RCPT-RFC5321" {
		t.Errorf("the 1,001st: %s", got)
	}
	if got := verdict(p.Decide(policy.Rcpt, from("", helo("beta.example"), to("a@x.example")))); got != "550 5.5.3 NULL-MULTI-RCPT" {
		t.Errorf("the second of <>: %s", got)
	}
}

func TestChargeOfAnyStageAndQuota(t *testing.T) {
	p := relay(t, newWorld(), "limit-stage=accept")
	f := from("anna@acme.example", to("a@x.example", "b@x.example"))
	if diff := cmp.Diff(charged(p.Decide(policy.Accept, f).Charge), charged(p.Charge(f))); diff != "" {
		t.Errorf("what is charged (-at accept +asked):\n%s", diff)
	}
	if got := p.Charge(from("x@nobody.example", to("a@x.example"))); got != nil {
		t.Errorf("what is refused is charged %s", charged(got))
	}
	acme, _ := p.Directory.Owner("acme.example")
	want := strings.Join([]string{
		"customer-day  1/13000 in 24h0m0s -> customer-day",
		"customer-peak  1/900 in 10m0s -> customer-peak",
	}, "\n")
	if diff := cmp.Diff(want, charged(p.Quota(acme, nil))); diff != "" {
		t.Errorf("a customer's quota (-want +got):\n%s", diff)
	}
	anna := p.Directory.User(policy.Address{Local: "anna", Domain: "acme.example"})
	want += "\nuser-messages anna@acme.example 1/10000 in 24h0m0s -> user-limit" +
		"\nuser-recipients distinct anna@acme.example 0/10000 in 24h0m0s -> user-limit"
	if diff := cmp.Diff(want, charged(p.Quota(acme, anna))); diff != "" {
		t.Errorf("a user's quota (-want +got):\n%s", diff)
	}
}
