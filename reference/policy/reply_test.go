package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// The observed dialogues of relay-rules 3.7 and 3.8, with today's product name.
func TestDenialsAsObserved(t *testing.T) {
	p := relay(t, newWorld())
	d := p.Decide(policy.Mail, from("x@yahoo.example", peer(outside), helo("[192.168.1.176]")))
	want := `550-5.7.0 Mail relay denied [198.51.100.1]. Invalid credentials for relay for
550-5.7.0 one of the domains in: 168.1.176], 1.176], [192.168.1.176] (as
550-5.7.0 obtained from HELO and MAIL FROM).
550-5.7.0 Email is being sent from a domain or IP address which isn't registered
550-5.7.0 in your Workspace account. Please login to your Workspace account and
550-5.7.0 verify that your sending device IP address has been registered within
550-5.7.0 the Workspace SMTP Relay Settings. For more information, please visit
550 5.7.0  https://support.google.com/a/answer/6140680#maildenied {id} - gsmtp
`
	got := strings.ReplaceAll(string(d.Reply.Append(nil)), "\r\n", "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("3.8 (-want +got):\n%s", diff)
	}

	d = p.Decide(policy.Mail, from(""))
	want = `550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've
550-5.7.1 registered in your Workspace SMTP Relay service doesn't match domain of
550-5.7.1 the account this email is being sent from. If you are trying to relay
550-5.7.1 mail from a domain that isn't registered under your Workspace account
550-5.7.1 or has empty envelope-from, you must configure your mail server
550-5.7.1 either to use SMTP AUTH to identify the sending domain or to present
550-5.7.1 one of your domain names in the HELO or EHLO command. For more
550-5.7.1 information, please visit
550 5.7.1  https://support.google.com/a/answer/6140680#invalidcred {id} - gsmtp
`
	got = strings.ReplaceAll(string(d.Reply.Append(nil)), "\r\n", "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("3.7 (-want +got):\n%s", diff)
	}
}

func TestDenialOfAHundredLabelsIsBrief(t *testing.T) {
	d := relay(t, newWorld()).Decide(policy.Mail, from("x@yahoo.example", peer(outside), helo(strings.Repeat("a.", 120)+"example")))
	if size := len(d.Reply.Append(nil)); size > 8192 {
		t.Errorf("the denial takes %d octets", size)
	}
}

// A client must not be able to write into the relay's templates.
func TestDenialHoldsNoPlaceholderOfTheClient(t *testing.T) {
	d := relay(t, newWorld()).Decide(policy.Mail, from("x@yahoo.example", peer(outside), helo(strings.Repeat("{helo}.", 30)+"{id}")))
	text := string(d.Reply.Append(nil))
	if strings.Contains(text, "{helo}") || strings.Count(text, "{id}") != 1 {
		t.Errorf("the client's placeholders came through:\n%s", text)
	}
}

func TestExpandBreaksOnlyWhatIsTooLong(t *testing.T) {
	r := policy.Reply{Code: 550, Lines: []string{"aaa {x} bbb", "ccc", "{y}"}, Wrap: 8}
	got := r.Expand("x", "xxxxx", "y", "longerthanthat and").Lines
	if diff := cmp.Diff([]string{"aaa", "xxxxx", "bbb", "ccc", "longerthanthat", "and"}, got); diff != "" {
		t.Error(diff)
	}
}
