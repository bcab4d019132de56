package mta

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/fakes/relay"
)

// configured reads the configuration whose files have these texts.
func configured(t *testing.T, files map[string]string) *settings.Setup {
	t.Helper()
	folder := t.TempDir()
	var paths []string
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	setup, _, err := settings.Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// applied is the server's profile as these files set it up.
func applied(t *testing.T, name string, files map[string]string) (before, after *Profile) {
	t.Helper()
	before, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	after, err = Apply(before, configured(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestApplyTakesWhatPostfixIsConfiguredWith(t *testing.T) {
	before, p := applied(t, "postfix", map[string]string{"main.cf": `
relay = smtp-relay.gmail.com
relayhost = [$relay]:587
smtp_tls_security_level = encrypt
smtp_data_done_timeout = 1200s
smtp_destination_recipient_limit = 20
default_destination_concurrency_limit = 7
smtp_connection_cache_on_demand = no
smtp_tls_connection_reuse = yes
minimal_backoff_time = 60s
maximal_queue_lifetime = 1d
`})
	for what, pair := range map[string][2]any{
		"host":        {p.Route.Host.Value, "smtp-relay.gmail.com"},
		"port":        {p.Route.Port.Value, 587},
		"no MX":       {p.Route.Lookup.Value, []Lookup{A}},
		"TLS":         {p.Session.TLS.Policy.Value, session.Required},
		"end of data": {p.Session.Timeouts.EndOfData.Value, 20 * time.Minute},
		"recipients":  {p.Session.Splits.Most.Value, 20},
		"at once":     {p.Connections.AtOnce.Value, 7},
		"reuse":       {p.Connections.Reuse.Value, NeverReused},
		"reuse TLS":   {p.Connections.ReuseTLS.Value, true},
		"backoff":     {p.Retry.Vendor.Min.Value, time.Minute},
		"expiry":      {p.Retry.Vendor.Expire.Value, 24 * time.Hour},
		"left alone":  {p.Session.Timeouts.Rcpt, before.Session.Timeouts.Rcpt},
		"source":      {p.Route.Port.Source, sourced.Configured},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if note := p.Session.Splits.Most.Note; !strings.HasSuffix(note, "main.cf:6") {
		t.Errorf("the limit of recipients was found at %q", note)
	}
	again, err := Load("postfix")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(again.Route, before.Route); diff != "" {
		t.Errorf("the profile itself was changed:\n%s", diff)
	}
}

func TestApplyTakesRoutesTimesAndIntervals(t *testing.T) {
	_, qmail := applied(t, "qmail", map[string]string{
		"control/me":            "mail.corp.example\n",
		"control/smtproutes":    "corp.example:mail2.corp.example:2525\n:smtp-relay.gmail.com:25\n",
		"control/timeoutremote": "900\n", "control/concurrencyremote": "3\n",
	})
	if got := qmail.Route.Domains["corp.example"].Value; got != "mail2.corp.example:2525" {
		t.Errorf("corp.example goes to %q", got)
	}
	if got := qmail.Session.Timeouts.EndOfData.Value; got != 15*time.Minute {
		t.Errorf("qmail waits %s", got)
	}
	if got := qmail.Connections.AtOnce.Value; got != 3 {
		t.Errorf("qmail has %d connections at once", got)
	}
	_, sendmail := applied(t, "sendmail", map[string]string{"sendmail.mc": "divert(0)dnl\ndefine(`SMART_HOST', `smtp-relay.gmail.com')dnl\n" +
		"define(`confTO_DATAFINAL', `10m')dnl\nMAILER(smtp)dnl\n"})
	if got := sendmail.Session.Timeouts.EndOfData.Value; got != 10*time.Minute {
		t.Errorf("sendmail waits %s", got)
	}
}

func TestMoreSpecificRoutesWin(t *testing.T) {
	r := Route{Domains: map[string]sourced.Value[string]{
		"corp.example": {Value: "one"}, ".corp.example": {Value: "below"}, ".eu.corp.example": {Value: "europe"},
	}}
	for domain, want := range map[string]string{
		"corp.example": "one", "a.corp.example": "below", "b.a.corp.example": "below", "x.eu.corp.example": "europe",
		"eu.corp.example": "below", "notcorp.example": "", "example": "",
	} {
		if got, _ := r.elsewhere(domain); got.Value != want {
			t.Errorf("%s goes to %q, want %q", domain, got.Value, want)
		}
	}
}

func TestAppliedRetryTakesWrittenIntervals(t *testing.T) {
	p, err := Load("exchange-2003")
	if err != nil {
		t.Fatal(err)
	}
	written := func(d time.Duration) settings.Found[time.Duration] {
		return settings.Found[time.Duration]{Value: d, Known: true, Place: settings.Place{File: "smtpsvc.txt", Line: 3}}
	}
	s := &settings.Setup{Server: p.Name, Relay: settings.Found[settings.Relay]{Value: settings.Relay{Host: "smtp-relay.gmail.com"}, Known: true}}
	s.Retry.Intervals = []settings.Found[time.Duration]{written(2 * time.Minute), {Value: time.Hour, Known: true}}
	changed, err := Apply(p, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []schedule.Rule{changed.Retry.Documented, changed.Retry.Vendor} {
		if got := rule.Steps.Value; got[0] != 2*time.Minute || got[1] == time.Hour {
			t.Errorf("steps %v: the first was written, the second is a default", got)
		}
	}
	if p.Retry.Documented.Steps.Value[0] != time.Minute {
		t.Error("the profile itself was changed")
	}
}

func TestApplyTakesExchangesWaitsAfterTrouble(t *testing.T) {
	before, p := applied(t, "exchange-hub", map[string]string{"hub.txt": `
AddressSpaces : {SMTP:*;1}
Name          : Outbound
SmartHosts    : {smtp-relay.gmail.com}
Port          : 25

Name                                   : HUB1
MessageRetryInterval                   : 00:02:00
OutboundConnectionFailureRetryInterval : 01:30:00
TransientFailureRetryInterval          : 00:00:45
MessageExpirationTimeout               : 1.00:00:00
`})
	rule := p.Retry.Vendor
	if got := []time.Duration{rule.Trouble[1].Every.Value, rule.Trouble[2].Every.Value, rule.Deferral.Value, rule.Expire.Value}; !slices.Equal(got,
		[]time.Duration{45 * time.Second, 90 * time.Minute, 2 * time.Minute, 24 * time.Hour}) {
		t.Errorf("it waits %v", got)
	}
	if rule.Trouble[0] != before.Retry.Vendor.Trouble[0] || before.Retry.Vendor.Trouble[1].Every.Value == 45*time.Second {
		t.Error("what isn't written, or the profile itself, was changed")
	}
}

func TestApplyRefusesWhatAFakeCannotBe(t *testing.T) {
	postfix, err := Load("postfix")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"myhostname = mail.corp.example\nrelayhost =\n":                                    "it names no relay",
		"relayhost = smtp-relay.gmail.com:465\nsmtp_tls_wrappermode = yes\n":               "TLS from the start",
		"relayhost = smtp-relay.gmail.com:465\nsmtp_tls_wrappermode = yes\nmyhostname=a\n": "main.cf:2",
	} {
		if _, err := Apply(postfix, configured(t, map[string]string{"main.cf": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	if _, err := Apply(postfix, &settings.Setup{Server: "qmail"}); err == nil || !strings.Contains(err.Error(), "of qmail") {
		t.Errorf("another server's configuration: %v", err)
	}
}

func TestAServerIsAsItsSetupSays(t *testing.T) {
	setup := configured(t, map[string]string{"main.cf": "myhostname = outside.corp.example\nsmtp_destination_recipient_limit = 2\n" +
		"relayhost = smtp-relay.gmail.com:25\n"})
	play(t, Options{Profile: named(t, "postfix"), Setup: setup}, relay.Script{Ext: allExtensions()}, func(t *testing.T, st *stage) {
		if _, err := st.Submit(t.Context(), submission(3)); err != nil {
			t.Fatal(err)
		}
		st.finish(t)
		mails := 0
		for _, s := range st.relay.Sessions() {
			mails += strings.Count(strings.Join(s.Commands(false), " "), "MAIL")
			if s.Hello != "outside.corp.example" {
				t.Errorf("it called itself %q", s.Hello)
			}
		}
		if mails != 2 {
			t.Errorf("%d transactions, want 2: three recipients, two a transaction", mails)
		}
	})
}
