package features

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/relayspec/relayspec/features/target"
)

// Waiting for what leaves the relay, in real time.
const (
	deliveryWait = 5 * time.Second        // for a delivery that should come
	silence      = 200 * time.Millisecond // for one that should not
	pollEvery    = 10 * time.Millisecond
)

// delivered waits for the copies of the last mail that reached recipient, or anybody where recipient is empty. That none
// comes is a failure.
func (s *scenario) delivered(ctx context.Context, recipient string) ([]target.Message, error) {
	token, err := s.lastToken()
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(deliveryWait); ; {
		asked, wait := time.Now(), time.Until(deadline)
		messages, err := s.deliveries(ctx, token, wait)
		if err != nil {
			return nil, err
		}
		copies := slices.DeleteFunc(messages, func(m target.Message) bool {
			return recipient != "" && !containsFold(m.Recipients, recipient)
		})
		if len(copies) > 0 {
			return copies, nil
		}
		certain := len(messages) == 0 && time.Since(asked) < wait/2 // the target knows that nothing will come
		switch {
		case certain:
			return nil, &Failure{Want: "the message to reach " + s.plain(recipient), Got: "it did not, and the relay has nothing left to deliver"}
		case time.Now().After(deadline):
			return nil, &Failure{Want: "the message to reach " + s.plain(recipient), Got: "it did not within " + deliveryWait.String()}
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// reached gives whom the last mail reached within a short while, sooner when they are more than enough.
func (s *scenario) reached(ctx context.Context, enough int) ([]string, error) {
	token, err := s.lastToken()
	if err != nil {
		return nil, err
	}
	var reached []string
	for deadline := time.Now().Add(silence); len(reached) <= enough && time.Now().Before(deadline); {
		asked, wait := time.Now(), time.Until(deadline)
		if len(reached) > 0 {
			wait = pollEvery // the first has come: the target has nothing to wait for
		}
		messages, err := s.deliveries(ctx, token, wait)
		if err != nil {
			return nil, err
		}
		reached = recipientsOf(messages)
		if len(messages) == 0 && time.Since(asked) < wait/2 { // the target knows that nothing will come
			return nil, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
	return reached, nil
}

// recipientsOf gives everybody that messages reached.
func recipientsOf(messages []target.Message) []string {
	var reached []string
	for _, m := range messages {
		reached = append(reached, m.Recipients...)
	}
	return reached
}

// lastToken is how the last mail is known again outside.
func (s *scenario) lastToken() (string, error) {
	if token := s.last().mail.token; token != "" {
		return token, nil
	}
	return "", errors.New("the last When relayed no message that can be looked for")
}

// deliveries asks the target what left the relay.
func (s *scenario) deliveries(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	sink, ok := s.target.(target.Deliveries)
	if !ok {
		return nil, &Missing{target.CanDelivered}
	}
	messages, err := sink.Delivered(ctx, token, wait)
	for i := range messages {
		messages[i] = s.inItsNames(messages[i])
	}
	return messages, verb(target.CanDelivered, "look for what was delivered", err)
}

// inItsNames is m with the scenario's names in the place of the relay's own.
func (s *scenario) inItsNames(m target.Message) target.Message {
	if s.world.cast == nil {
		return m
	}
	own := target.Message{Sender: s.own(m.Sender), Data: []byte(s.own(string(m.Data)))}
	for _, recipient := range m.Recipients {
		own.Recipients = append(own.Recipients, s.own(recipient))
	}
	return own
}

// pause lets a poll breathe.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		return nil
	}
}
