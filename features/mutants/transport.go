package mutants

import (
	"context"
	"slices"
	"sync"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// transport are relays whose ports, TLS or sessions are wrong.
func transport() []Mutant {
	return []Mutant{
		{Name: "required TLS isn't required", Breaks: []string{"TLS-REQUIRE", "TLS-REJECT-PLAIN", "PORT-587-TLS"}, Relay: settings(func(s *target.Setting) { s.RequireTLS = false })},
		{Name: "plaintext on port 25 passes for TLS", Breaks: []string{"TLS-REJECT-PLAIN", "TLS-REQUIRE"}, Relay: sees(func(_ reference.Decider, f *policy.Facts) { f.TLS = f.TLS || f.Port == policy.Port25 })},
		{Name: "plaintext on port 587 passes for TLS", Breaks: []string{"TLS-REQUIRE", "TLS-REJECT-PLAIN", "PORT-587-TLS"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			other := *f
			other.TLS = f.TLS || f.Port == policy.Port587 && stage != policy.Auth
			return next.Decide(stage, &other)
		})},
		{Name: "TLS never satisfies", Breaks: []string{"TLS-REQUIRE", "PORT-587-TLS"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			other := *f
			other.TLS = f.TLS && stage == policy.Auth
			return next.Decide(stage, &other)
		})},
		{Name: "TLS from the start doesn't satisfy", Breaks: []string{"TLS-REQUIRE"}, Noted: true, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			other := *f
			other.TLS = f.TLS && (f.Port != policy.Port465 || stage == policy.Auth)
			return next.Decide(stage, &other)
		})},
		{Name: "STARTTLS isn't offered", Breaks: []string{"PORT-587-TLS", "TLS-REQUIRE", "AUTH-SMTP"}, Relay: embedded.Options{Service: func(s *policy.Service) {
			s.Capabilities = slices.DeleteFunc(slices.Clone(s.Capabilities), func(k string) bool { return k == "STARTTLS" })
		}}},
		{Name: "port 587 isn't served", Breaks: []string{"PORT-587-TLS", "PORT-PLAIN"}, Relay: embedded.Options{Ports: []policy.Role{policy.Port25, policy.Port465}}},
		{Name: "port 465 isn't served", Breaks: []string{"PORT-PLAIN"}, Relay: embedded.Options{Ports: []policy.Role{policy.Port25, policy.Port587}}},
		{Name: "port 25 isn't served", Breaks: []string{"PORT-PLAIN"}, Relay: embedded.Options{Ports: []policy.Role{policy.Port465, policy.Port587}}},
		{Name: "port 25 wants TLS from everybody", Breaks: []string{"PORT-PLAIN"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage == policy.Mail && f.Port == policy.Port25 && !f.TLS {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyTLSRequired], Rule: "TLS-REQUIRE"}
			}
			return next.Decide(stage, f)
		})},
		{Name: "a session carries one message", Breaks: []string{"DOS-CONN-REUSE"}, Relay: embedded.Options{Engine: func(next wire.Engine) wire.Engine {
			return &once{Engine: next, used: map[string]bool{}}
		}}},
	}
}

// once refuses a second transaction in a session, and closes it.
type once struct {
	wire.Engine
	mu   sync.Mutex
	used map[string]bool // by session
}

func (o *once) Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	if stage == policy.Mail && o.again(f.Session) {
		return policy.Decision{
			Reply: policy.Reply{Code: 421, Enhanced: "4.7.0", Lines: []string{"Connection expired, try reconnecting. {id} - gsmtp"}},
			Close: true,
		}, nil
	}
	return o.Engine.Decide(ctx, stage, f)
}

// again tells whether the session has begun a transaction before.
func (o *once) again(session string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := o.used[session]
	o.used[session] = true
	return was
}
