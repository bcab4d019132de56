package client

import (
	"bufio"
	"bytes"
	"net/textproto"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// dotted writes the parts of a content and the final dot.
func dotted(parts ...string) string {
	var sent bytes.Buffer
	out := bufio.NewWriter(&sent)
	w := newDotWriter(out)
	for _, part := range parts {
		w.Write([]byte(part))
	}
	w.finish()
	out.Flush()
	return sent.String()
}

func TestContentIsDotted(t *testing.T) {
	tests := []struct{ data, want string }{
		{"", ".\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n.\r\n", "..\r\n..\r\n.\r\n"},
		{"..a\r\n", "...a\r\n.\r\n"},
		{"a.\r\n.b\r\n", "a.\r\n..b\r\n.\r\n"},
		{"a\n.\nb\r\n", "a\n.\nb\r\n.\r\n"},     // a bare LF begins no line
		{"a\n.\r\nb\r\n", "a\n.\r\nb\r\n.\r\n"}, // nor here: what smuggles through a lax relay
		{"a\r.\r\n", "a\r.\r\n.\r\n"},
		{"a\r", "a\r\r\n.\r\n"},
		{"\r\n", "\r\n.\r\n"},
	}
	for _, tt := range tests {
		if got := dotted(tt.data); got != tt.want {
			t.Errorf("%q is sent as %q, want %q", tt.data, got, tt.want)
		}
	}
}

func TestContentInPartsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.StringOf(rapid.SampledFrom([]rune{'.', '\r', '\n', 'x'}))
		parts := rapid.SliceOf(octets).Draw(t, "parts")
		if whole, split := dotted(strings.Join(parts, "")), dotted(parts...); whole != split {
			t.Fatalf("whole %q, in parts %q", whole, split)
		}
	})
}

// An independent reader takes the dots off again.
func TestContentReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOf(rapid.StringMatching(`[.]{0,3}[a.]{0,3}`)).Draw(t, "lines"), "\r\n")
		reader := textproto.NewReader(bufio.NewReader(strings.NewReader(dotted(content))))
		got, err := reader.ReadDotBytes()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(content, "\r\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if string(got) != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
