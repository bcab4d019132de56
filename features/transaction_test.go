package features

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/client"
)

// shape is what a load comes to: how many messages, to how many recipients each, all in all different.
type shape struct{ messages, each, different int }

func TestLoadsInWords(t *testing.T) {
	for what, want := range map[string]shape{
		"a message":      {1, 1, 1},
		"9,999 messages": {9999, 1, 1},
		`a message to "a@x.example, b@x.example"`: {1, 2, 2},
		`3 messages to "a@x.example"`:             {3, 1, 1},
		"a message to 130 new recipients":         {1, 130, 130},
		"a message to 1 new recipient":            {1, 1, 1},
		"5 messages to 9 new recipients":          {5, 9, 9},
		"to 250 different recipients":             {3, 100, 250},
		"to 1 different recipients":               {1, 1, 1},
	} {
		_, s := stepping(bareTarget{})
		mails, err := s.mails("anna@acme-t1.example", what)
		if err != nil {
			t.Errorf("%q: %v", what, err)
			continue
		}
		different := map[string]bool{}
		for _, m := range mails {
			for _, r := range m.recipients {
				different[r] = true
			}
		}
		got := shape{len(mails), len(mails[0].recipients), len(different)}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(shape{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", what, diff)
		}
	}
}

func TestOnlyASingleMessageHasAToken(t *testing.T) {
	_, s := stepping(bareTarget{})
	one, _ := s.mails("", "a message")
	two, _ := s.mails("", "2 messages")
	if one[0].token == "" || two[0].token != "" {
		t.Errorf("tokens are %q for one message, %q for one of two", one[0].token, two[0].token)
	}
}

func TestWhatClosedBetweenTwoMessagesMayBeSentAgain(t *testing.T) {
	broken := func(command string, err error) error { return &client.ProtocolError{Command: command, Err: err} }
	for name, c := range map[string]struct {
		err   error
		again bool
	}{
		"awaiting MAIL":      {broken("MAIL", io.EOF), true},
		"awaiting RSET":      {fmt.Errorf("session: %w", broken("RSET", io.EOF)), true},
		"behind a final dot": {broken(".", io.EOF), false},
		"a wrong line":       {broken("MAIL", nil), false},
		"another error":      {errors.New("no route"), false},
		"none":               {nil, false},
	} {
		if got := closedBetween(c.err); got != c.again {
			t.Errorf("%s: %t, want %t", name, got, c.again)
		}
	}
}

func TestAGivensTroubleIsNoFailure(t *testing.T) {
	failure := new(Failure)
	if err := unprepared(fmt.Errorf("step: %w", &Failure{Want: "a", Got: "b"})); errors.As(err, &failure) {
		t.Errorf("%v is still a failure", err)
	}
	other := io.EOF
	if err := unprepared(other); !errors.Is(err, other) {
		t.Errorf("got %v, want %v as it was", err, other)
	}
}

func TestContentHasOneFromAndTheToken(t *testing.T) {
	for name, m := range map[string]mail{
		"usual":  {sender: "anna@x", recipients: []string{"bob@y"}, token: "token-1."},
		"fields": {sender: "anna@x", recipients: []string{"bob@y"}, token: "token-1.", fields: []field{{"From", "bert@x"}, {"Reply-To", "a@x,\r\n b@x"}}},
		"null":   {recipients: []string{"bob@y"}, token: "token-1."},
	} {
		want := map[string]string{"usual": "anna@x", "fields": "bert@x", "null": "mailer-daemon@elsewhere.example"}[name]
		if got := headerField(m.content(), "From"); got != want {
			t.Errorf("%s: From is %q, want %q", name, got, want)
		}
		if name == "fields" && headerField(m.content(), "Reply-To") != "a@x, b@x" {
			t.Errorf("Reply-To is %q", headerField(m.content(), "Reply-To"))
		}
	}
}
