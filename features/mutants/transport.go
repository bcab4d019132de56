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
		{"required TLS isn't required", []string{"TLS-REQUIRE", "TLS-REJECT-PLAIN", "PORT-587-TLS"}, settings(func(s *target.Setting) { s.RequireTLS = false })},
		{"plaintext on port 25 passes for TLS", []string{"TLS-REJECT-PLAIN", "TLS-REQUIRE"}, sees(func(_ reference.Decider, f *policy.Facts) { f.TLS = f.TLS || f.Port == policy.Port25 })},
		{"plaintext on port 587 passes for TLS", []string{"TLS-REQUIRE", "TLS-REJECT-PLAIN", "PORT-587-TLS"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			other := *f
			other.TLS = f.TLS || f.Port == policy.Port587 && stage != policy.Auth
			return next.Decide(stage, &other)
		})},
		{"TLS never satisfies", []string{"TLS-REQUIRE", "PORT-587-TLS"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			other := *f
			other.TLS = f.TLS && stage == policy.Auth
			return next.Decide(stage, &other)
		})},
		{"STARTTLS isn't offered", []string{"PORT-587-TLS", "TLS-REQUIRE", "AUTH-SMTP"}, embedded.Options{Service: func(s *policy.Service) {
			s.Capabilities = slices.DeleteFunc(slices.Clone(s.Capabilities), func(k string) bool { return k == "STARTTLS" })
		}}},
		{"port 587 isn't served", []string{"PORT-587-TLS", "PORT-PLAIN"}, embedded.Options{Ports: []policy.Role{policy.Port25, policy.Port465}}},
		{"port 465 isn't served", []string{"PORT-PLAIN"}, embedded.Options{Ports: []policy.Role{policy.Port25, policy.Port587}}},
		{"port 25 isn't served", []string{"PORT-PLAIN"}, embedded.Options{Ports: []policy.Role{policy.Port465, policy.Port587}}},
		{"port 25 wants TLS from everybody", []string{"PORT-PLAIN"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage == policy.Mail && f.Port == policy.Port25 && !f.TLS {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyTLSRequired], Rule: "TLS-REQUIRE"}
			}
			return next.Decide(stage, f)
		})},
		{"a session carries one message", []string{"DOS-CONN-REUSE"}, embedded.Options{Engine: func(next wire.Engine) wire.Engine {
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
