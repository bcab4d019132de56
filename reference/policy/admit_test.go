package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// verdict is code, enhanced code and rule of a decision, in one string.
func verdict(d policy.Decision) string {
	if d.Reply.Code == 0 {
		return fmt.Sprintf("ok %s", d.Rule)
	}
	return fmt.Sprintf("%d %s %s", d.Reply.Code, d.Reply.Enhanced, d.Rule)
}

func TestAllowedSenders(t *testing.T) {
	withAuth := policy.Setting{Description: "auth", Enabled: true, Senders: policy.RegisteredUsers, RequireAuth: true}
	both := byAddress(policy.MyDomains)
	both.RequireAuth = true
	encrypted := byAddress(policy.MyDomains)
	encrypted.RequireTLS = true
	disabled := byAddress(policy.AnyAddress)
	disabled.Enabled = false

	for _, c := range []struct {
		name     string
		settings []policy.Setting
		facts    *policy.Facts
		want     string
	}{
		{"registered user", nil, from("anna@acme.example"), "ok SND-REGISTERED"},
		{"registered user, other case", nil, from("ANNA@acme.example"), "ok SND-REGISTERED"},
		{"mistyped user", nil, from("ana@acme.example"), "550 5.7.1 SND-REGISTERED"},
		{"an alias is no user", nil, from("info@acme.example"), "550 5.7.1 SND-REGISTERED"},
		{"another customer's user", nil, from("bob@beta.example", helo("acme.example")), "ok SND-ANY"},
		{"from an unlisted address", nil, from("anna@acme.example", peer(outside)), "550 5.7.1 AUTH-IP"},
		{"anybody in a domain", []policy.Setting{byAddress(policy.MyDomains)}, from("app@acme.test"), "ok SND-DOMAINS"},
		{"anybody in a subdomain", []policy.Setting{byAddress(policy.MyDomains)}, from("app@eu.acme.example"), "ok SND-DOMAINS"},
		{"foreign under my domains", []policy.Setting{byAddress(policy.MyDomains)}, from("x@yahoo.example", helo("acme.example")), "550 5.7.1 SND-DOMAINS"},
		{"foreign under any, by HELO", []policy.Setting{byAddress(policy.AnyAddress)}, from("x@yahoo.example", helo("mail.acme.example")), "ok SND-ANY"},
		{"foreign under any, by AUTH", []policy.Setting{byAddress(policy.AnyAddress)}, from("x@yahoo.example", as("anna@acme.example")), "ok SND-ANY"},
		{"foreign, nobody's HELO", []policy.Setting{byAddress(policy.AnyAddress)}, from("x@yahoo.example"), "550 5.7.1 SND-FOREIGN-IDENT"},
		{"foreign, nobody's HELO, unlisted", nil, from("x@yahoo.example", peer(outside)), "550 5.7.0 SND-FOREIGN-IDENT"},
		{"empty, nobody's HELO", nil, from(""), "550 5.7.1 SND-EMPTY-IDENT"},
		{"empty, by HELO, under registered users", nil, from("", helo("acme.example")), "ok SND-EMPTY-IDENT"},
		{"empty, by AUTH", nil, from("", as("anna@acme.example")), "ok SND-EMPTY-IDENT"},
		{"AUTH required and missing", []policy.Setting{withAuth}, from("anna@acme.example"), "550 5.7.1 AUTH-SMTP"},
		{"AUTH required, another user's address", []policy.Setting{withAuth}, from("postmaster@acme.example", as("anna@acme.example"), peer(outside)), "ok SND-REGISTERED"},
		{"both boxes, only the address", []policy.Setting{both}, from("anna@acme.example"), "550 5.7.1 AUTH-SMTP"},
		{"both boxes, only AUTH", []policy.Setting{both}, from("anna@acme.example", as("anna@acme.example"), peer(outside)), "550 5.7.1 AUTH-IP"},
		{"both boxes, both", []policy.Setting{both}, from("anna@acme.example", as("anna@acme.example")), "ok SND-DOMAINS"},
		{"TLS required and missing", []policy.Setting{encrypted}, from("anna@acme.example"), "530 5.7.0 TLS-REQUIRE"},
		{"TLS required", []policy.Setting{encrypted}, from("anna@acme.example", inTLS), "ok SND-DOMAINS"},
		{"the second setting admits", []policy.Setting{withAuth, byAddress(policy.MyDomains)}, from("anna@acme.example"), "ok SND-DOMAINS"},
		{"the one that got furthest answers", []policy.Setting{encrypted, byAddress(policy.RegisteredUsers)}, from("ana@acme.example"), "550 5.7.1 SND-REGISTERED"},
		{"disabled setting, listed by another customer", []policy.Setting{disabled}, from("anna@acme.example"), "550 5.7.1 CON-IP-TOGGLE"},
		{"disabled setting, unlisted", []policy.Setting{disabled}, from("anna@acme.example", peer(outside)), "550 5.7.0 CON-IP-TOGGLE"},
		{"no setting at all", nil, from("ida@idle.example", peer(outside)), "550 5.7.0 CON-ADD-MODES"},
		{"legacy edition", nil, from("lea@legacy.example"), "550 5.7.0 ELIG-LEGACY"},
		{"AUTH doesn't rescue from 5.7.0", nil, from("x@yahoo.example", as("ida@idle.example"), peer(outside)), "550 5.7.0 CON-ADD-MODES"},
		{"whoever authenticated and is gone opens nothing", []policy.Setting{withAuth}, from("anna@acme.example", as("gina@gone.example")), "550 5.7.1 SND-FOREIGN-IDENT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			if c.settings != nil {
				w.settings("acme.example", c.settings...)
			}
			if got := verdict(relay(t, w).Decide(policy.Mail, c.facts)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSwitchesOfAdmission(t *testing.T) {
	both := byAddress(policy.MyDomains)
	both.RequireAuth = true
	for _, c := range []struct {
		set   string
		stage policy.Stage
		facts *policy.Facts
		want  string
	}{
		{"helo-match=exact", policy.Mail, from("x@yahoo.example", helo("mail.beta.example")), "550 5.7.1 SND-FOREIGN-IDENT"},
		{"helo-match=exact", policy.Mail, from("x@yahoo.example", helo("Beta.example.")), "ok SND-ANY"},
		{"both-methods=or", policy.Mail, from("anna@acme.example"), "ok SND-DOMAINS"},
		{"denial=5.7.0", policy.Mail, from("x@yahoo.example"), "550 5.7.0 SND-FOREIGN-IDENT"},
		{"denial=5.7.1", policy.Mail, from("x@yahoo.example", peer(outside)), "550 5.7.1 SND-FOREIGN-IDENT"},
		{"auth-missing=530", policy.Mail, from("anna@acme.example"), "530 5.7.0 AUTH-SMTP"},
		{"sender-stage=rcpt", policy.Mail, from("x@yahoo.example"), "ok "},
		{"sender-stage=rcpt", policy.Rcpt, from("x@yahoo.example"), "550 5.7.1 SND-FOREIGN-IDENT"},
		{"sender-stage=data", policy.Rcpt, from("x@yahoo.example"), "ok "},
		{"sender-stage=data", policy.Data, from("x@yahoo.example", to("c@c.example")), "550 5.7.1 SND-FOREIGN-IDENT"},
		{"generic-helo=lenient", policy.Helo, from("", helo("localhost")), "ok "},
		{"null-sender-reply=452", policy.Rcpt, from("", helo("beta.example"), to("c@c.example")), "452 4.5.3 NULL-MULTI-RCPT"},
		{"null-sender-with-auth=exempt", policy.Rcpt, from("", as("bob@beta.example"), to("c@c.example")), "ok "},
	} {
		t.Run(c.set+" at "+c.stage.String(), func(t *testing.T) {
			w := newWorld().settings("acme.example", both)
			if got := verdict(relay(t, w, c.set).Decide(c.stage, c.facts)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestUnknownUserAndAliasByswitch(t *testing.T) {
	if got := verdict(relay(t, newWorld(), "unknown-user=5.7.0").Decide(policy.Mail, from("ana@acme.example"))); got != "550 5.7.0 SND-REGISTERED" {
		t.Errorf("unknown user: %s", got)
	}
	if got := verdict(relay(t, newWorld(), "aliases=registered").Decide(policy.Mail, from("info@acme.example"))); got != "ok SND-REGISTERED" {
		t.Errorf("alias: %s", got)
	}
	if got := verdict(relay(t, newWorld(), "empty-sender=only-any").Decide(policy.Mail, from("", helo("acme.example")))); got != "550 5.7.1 SND-EMPTY-IDENT" {
		t.Errorf("empty sender: %s", got)
	}
}

func TestHeloNames(t *testing.T) {
	p := relay(t, newWorld())
	for name, want := range map[string]string{
		"localhost":               "421 close",
		"LocalHost.":              "421 close",
		"localhost.localdomain":   "421 close",
		"db.localhost":            "421 close",
		"smtp-relay.gmail.com":    "421 close",
		"[127.0.0.1]":             "421 close",
		"[127.9.9.9]":             "421 close",
		"[IPv6:::1]":              "421 close",
		"[IPv6:::ffff:127.0.0.1]": "421 close",
		"test":                    "421 close bucket",
		"[192.0.2.7]":             "0",
		"[IPv6:2001:db8::1]":      "0",
		"mail.acme.example":       "0",
		"localhosts.example":      "0",
	} {
		d := p.Decide(policy.Helo, from("", helo(name)))
		got := fmt.Sprint(d.Reply.Code)
		if d.Close {
			got += " close"
		}
		if d.Bucket {
			got += " bucket"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestAuth(t *testing.T) {
	p := relay(t, newWorld())
	offer := func(identity, user, password string) func(*policy.Facts) {
		return func(f *policy.Facts) {
			f.Offered = &policy.Credentials{Mechanism: "PLAIN", Identity: identity, User: user, Password: password}
		}
	}
	bear := func(user, token string, now time.Time) func(*policy.Facts) {
		return func(f *policy.Facts) {
			f.Offered = &policy.Credentials{Mechanism: "OAUTHBEARER", User: user, Token: token}
			f.Now = now
		}
	}
	morning := noon.Add(-time.Hour)
	for _, c := range []struct {
		name  string
		facts *policy.Facts
		want  string
		user  string
	}{
		{"a token", from("", inTLS, bear("Anna@acme.example", "token of anna", morning)), "235 2.7.0 AUTH-CREDS", "anna@acme.example"},
		{"a token says whose it is", from("", inTLS, bear("", "token of anna", morning)), "235 2.7.0 AUTH-CREDS", "anna@acme.example"},
		{"another user's token", from("", inTLS, bear("bob@beta.example", "token of anna", morning)), "535 5.7.8 AUTH-CREDS", ""},
		{"a token and nobody's name", from("", inTLS, bear("nobody@acme.example", "token of anna", morning)), "535 5.7.8 AUTH-CREDS", ""},
		{"an unknown token", from("", inTLS, bear("anna@acme.example", "token of", morning)), "535 5.7.8 AUTH-CREDS", ""},
		{"an unknown token and no name", from("", inTLS, bear("", "token of", morning)), "535 5.7.8 AUTH-CREDS", ""},
		{"an expired token", from("", inTLS, bear("anna@acme.example", "token of anna", noon)), "535 5.7.8 AUTH-CREDS", ""},
		{"a password is no token", from("", inTLS, bear("anna@acme.example", "secret of anna", morning)), "535 5.7.8 AUTH-CREDS", ""},
		{"a token is no password", from("", inTLS, offer("", "anna@acme.example", "token of anna")), "535 5.7.8 AUTH-CREDS", ""},
		{"a token in clear text", from("", bear("anna@acme.example", "token of anna", morning)), "530 5.7.0 AUTH-TLS", ""},
		{"right", from("", inTLS, offer("", "Anna@acme.example", "secret of anna")), "235 2.7.0 AUTH-CREDS", "anna@acme.example"},
		{"own identity", from("", inTLS, offer("anna@acme.example", "anna@acme.example", "secret of anna")), "235 2.7.0 AUTH-CREDS", "anna@acme.example"},
		{"another identity", from("", inTLS, offer("bob@beta.example", "anna@acme.example", "secret of anna")), "535 5.7.8 AUTH-CREDS", ""},
		{"wrong password", from("", inTLS, offer("", "anna@acme.example", "secret")), "535 5.7.8 AUTH-CREDS", ""},
		{"unknown user", from("", inTLS, offer("", "nobody@acme.example", "")), "535 5.7.8 AUTH-CREDS", ""},
		{"in clear text", from("", offer("", "anna@acme.example", "secret of anna")), "530 5.7.0 AUTH-TLS", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := p.Decide(policy.Auth, c.facts)
			if got := verdict(d); got != c.want || d.User != c.user {
				t.Errorf("got %s as %q, want %s as %q", got, d.User, c.want, c.user)
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	any := byAddress(policy.AnyAddress)
	for _, c := range []struct {
		name  string
		set   string
		facts *policy.Facts
		want  string
	}{
		{"own sender stays", "wording=Workspace", from("app@acme.test", helo("beta.example")), "app@acme.test"},
		{"by HELO: the registered domain", "wording=Workspace", from("x@yahoo.example", helo("mail.acme.test")), "postmaster@acme.test"},
		{"by AUTH", "wording=Workspace", from("x@yahoo.example", as("anna@acme.example")), "postmaster@acme.example"},
		{"AUTH before HELO", "wording=Workspace", from("x@yahoo.example", as("anna@acme.example"), helo("acme.test")), "postmaster@acme.example"},
		{"HELO first by switch", "rewrite-domain=helo-first", from("x@yahoo.example", as("anna@acme.example"), helo("acme.test")), "postmaster@acme.test"},
		{"HELO of another customer is no help", "rewrite-domain=helo-first", from("x@yahoo.example", as("anna@acme.example"), helo("beta.example")), "postmaster@acme.example"},
		{"<> stays", "wording=Workspace", from("", helo("acme.test")), ""},
		{"<> by switch", "rewrite-null=postmaster", from("", helo("acme.test")), "postmaster@acme.test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := relay(t, newWorld().settings("acme.example", any), c.set)
			d := p.Decide(policy.Data, c.facts)
			if d.Refused() || d.Sender.String() != c.want {
				t.Errorf("got %s (%s), want %s", d.Sender, verdict(d), c.want)
			}
		})
	}
}
