package client

import (
	"context"
	"fmt"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Plan is a session as data: plan in, transcript out.
type Plan []Step

// Action is what a Step does.
type Action string

// The actions. Each that says something but DoRaw reads the reply.
const (
	DoReadReply Action = "read-reply" // reads one reply; at first that is the greeting
	DoCommand   Action = "command"    // says Text
	DoRaw       Action = "raw"        // sends the octets of Text as they are
	DoStartTLS  Action = "starttls"   // says STARTTLS; on 220 the handshake
	DoHandshake Action = "handshake"  // the TLS handshake alone
	DoAuth      Action = "auth"       // AUTH with Mechanism, User and Password
	DoMessage   Action = "message"    // sends Message in Mode
	DoDrop      Action = "drop"       // ends the connection without a word
)

// Step is one thing to do. Fields that its action doesn't name are ignored.
type Step struct {
	Do        Action
	Text      string
	Mechanism string // PLAIN or LOGIN
	User      string
	Password  string
	Message   Message
	Mode      Mode
}

// Run opens a session, does the steps of plan in order and closes the connection. What the relay replies is in the
// transcript (d's, or a new one) and stops nothing. An error names the step that failed; the transcript ends there.
func Run(ctx context.Context, d *Dialer, plan Plan) (*transcript.Transcript, error) {
	dialer := *d
	if dialer.Transcript == nil {
		dialer.Transcript = &transcript.Transcript{}
	}
	c, err := dialer.Dial(ctx)
	if err != nil {
		return dialer.Transcript, err
	}
	defer c.Close()
	given := c.watch(ctx)
	for i := range plan {
		if err := plan[i].run(ctx, c); err != nil {
			return dialer.Transcript, fmt.Errorf("step %d, %s: %w", i+1, plan[i].Do, given(err))
		}
	}
	return dialer.Transcript, given(nil)
}

func (s *Step) run(ctx context.Context, c *Conn) error {
	var err error
	switch s.Do {
	case DoReadReply:
		_, err = c.ReadReply()
	case DoCommand:
		_, err = c.Cmd(s.Text)
	case DoRaw:
		err = c.WriteRaw([]byte(s.Text))
	case DoStartTLS:
		_, err = c.StartTLS(ctx)
	case DoHandshake:
		err = c.Handshake(ctx)
	case DoAuth:
		err = s.auth(c)
	case DoMessage:
		_, err = c.Send(s.Message, s.Mode)
	case DoDrop:
		err = c.Drop()
	default:
		err = fmt.Errorf("unknown action %q", s.Do)
	}
	return err
}

func (s *Step) auth(c *Conn) error {
	var err error
	switch s.Mechanism {
	case "PLAIN":
		_, err = c.AuthPlain(s.User, s.Password)
	case "LOGIN":
		_, err = c.AuthLogin(s.User, s.Password)
	default:
		err = fmt.Errorf("mechanism %q: want PLAIN or LOGIN", s.Mechanism)
	}
	return err
}
