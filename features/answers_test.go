package features

import (
	"testing"

	"github.com/relayspec/relayspec/features/target"
)

func TestCodesMayBeCounted(t *testing.T) {
	all, err := parseCodes("250, 2yz or 452 3 times")
	if err != nil || len(all) != 4 || !all[3].accept(452) || all[0].accept(452) {
		t.Errorf("got %v, %v", all, err)
	}
	if _, err := parseCodes("250 many times"); err == nil {
		t.Error("many is no count, but nobody says so")
	}
}

func TestWhatIsDeliveredIsAsWantedOrNot(t *testing.T) {
	m := target.Message{
		Sender: "", Recipients: []string{`"R1"@Other.example`},
		Data: []byte("Received: from a\r\nFrom: b\r\n\r\ntext\r\n"),
	}
	for _, c := range []struct {
		how, want string
		right     bool
	}{
		{"with", "text", true},
		{"with", "Received: ... From: ... text", true},
		{"with", "From: ... Received:", false},
		{"without", "text", false},
		{"without", "From: ... Received:", true},
		{"ending in", "\r\ntext\r\n", true},
		{"ending in", "text", false},
		{"from", "<>", true},
		{"from", "anna@acme.example", false},
		{"only to", "R1@other.example", true},
		{"only to", "r1@other.example", false}, // another mailbox: local parts have a case
		{"", "", true},
	} {
		if got, right := delivered(m, c.how, c.want); right != c.right {
			t.Errorf("delivered %s %q: %t, showing %s", c.how, c.want, right, got)
		}
	}
	m.Recipients = append(m.Recipients, "r2@other.example")
	if _, right := delivered(m, "only to", "R1@other.example"); right {
		t.Error("two recipients are one")
	}
}

func TestQuotesWithoutNeedMakeNoOtherMailbox(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`"anna"@a.example`, "anna@A.example", true},
		{`"a\nna"@a.example`, "anna@a.example", true},
		{`"a b"@a.example`, `"a\ b"@a.example`, true},
		{`"a@b"@a.example`, `"a\@b"@a.example`, true},
		{`"a b"@a.example`, "ab@a.example", false},
		{"Anna@a.example", "anna@a.example", false},
		{"", "anna@a.example", false},
	} {
		if got := sameMailbox(c.a, c.b); got != c.same {
			t.Errorf("%s and %s are one: %t", c.a, c.b, got)
		}
	}
}

func TestTheFormOfAnAnswerIsSeen(t *testing.T) {
	for line, right := range map[string]bool{
		"mx.example.com ESMTP": true, "[192.0.2.1] ready": true, "localhost": true, "ready": true,
		"": false, "-x.example": false, " mx.example": false, "Welcome, client": false,
	} {
		if namesHost.MatchString(line) != right {
			t.Errorf("%q names a host: %t", line, !right)
		}
	}
	for line, right := range map[string]bool{
		"SIZE 100": true, "8BITMIME": true, "AUTH PLAIN LOGIN": true, "x-any": true,
		"AUTH=LOGIN": false, "SIZE  100": false, "SIZE ": false, "": false, "-X": false,
	} {
		if ehloLine.MatchString(line) != right {
			t.Errorf("%q is a line of the reply to EHLO: %t", line, !right)
		}
	}
}
