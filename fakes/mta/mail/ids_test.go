package mail

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// Source: the transcripts, and the real headers of sending-servers.md §3.
func TestIdentifiersHaveEachServersForm(t *testing.T) {
	for server, form := range map[string]string{
		"postfix": `^[0-9A-F]{11}$`, "osx": `^[0-9A-F]{10}$`, "sendmail": `^6ANBHR[A-Za-z]{2}\d{6}$`, "exim": `^1xVS35-0[0-9A-Za-z]{5}-[0-9A-Za-z]{2}$`,
		"qmail": `^\d+$`, "domino": `^20261123111727\d\d:\d{5}$`, "groupwise": `^[0-9A-F]{24}$`, "exchange-hub": `^[0-9a-f]{32}$`,
	} {
		p, ids, seen := profiles(t)[server], NewIDs(1), map[string]bool{}
		for range 1000 {
			made, err := p.Mail.begin(Submission{}, host(), ids, noon())
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(form).MatchString(made.ID) {
				t.Fatalf("%s: %q isn't of the form %s", server, made.ID, form)
			}
			if seen[made.ID] {
				t.Fatalf("%s: %q came twice", server, made.ID)
			}
			seen[made.ID] = true
		}
	}
}

// Source: sending-servers.md §3.3, a real header; the transcripts' identifiers and their times.
func TestTimesAreWrittenAsTheServersWriteThem(t *testing.T) {
	ids := NewIDs(1)
	at := time.Date(2008, time.October, 2, 14, 18, 52, 941000000, time.UTC)
	if got := ids.FileTime(at); !strings.HasSuffix(got, ":01C92499") || got[:8] != "CC16C3D0" {
		t.Errorf("FileTime is %s, want CC16C3D0:01C92499", got)
	}
	if got := ids.Clock60(time.Date(2026, time.November, 23, 11, 18, 59, 0, time.UTC)); got != "6ANBIx" {
		t.Errorf("Clock60 is %s, want 6ANBIx", got)
	}
	if got := ids.Base62(time.Date(2026, time.November, 23, 11, 24, 45, 0, time.UTC).Unix(), 6); got != "1xVSA9" {
		t.Errorf("Base62 is %s, want 1xVSA9", got)
	}
}

func TestTheSameSeedGivesTheSameIdentifiers(t *testing.T) {
	a, b := NewIDs(7), NewIDs(7)
	if x, y := a.HEX(20), b.HEX(20); x != y {
		t.Errorf("%s and %s", x, y)
	}
}
