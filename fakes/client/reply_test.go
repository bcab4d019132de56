package client

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func readerOf(octets string) *replyReader {
	return &replyReader{in: bufio.NewReaderSize(strings.NewReader(octets), readBuffer)}
}

func TestReplyIsRead(t *testing.T) {
	tests := []struct {
		octets         string
		want           Reply
		enhanced, text string
	}{
		{"250 OK\r\n", Reply{250, []string{"OK"}}, "", "OK"},
		{"250\r\n", Reply{250, []string{""}}, "", ""},
		{"250 \r\n", Reply{250, []string{""}}, "", ""},
		{"250 2.0.0 OK  158\r\n", Reply{250, []string{"2.0.0 OK  158"}}, "2.0.0", "OK  158"},
		{"250 2.0.0\r\n", Reply{250, []string{"2.0.0"}}, "2.0.0", ""},
		{"354  Go ahead\r\n", Reply{354, []string{" Go ahead"}}, "", " Go ahead"},
		{"550-5.7.1 Daily limit\r\n550 5.7.1  https://x\r\n", Reply{550, []string{"5.7.1 Daily limit", "5.7.1  https://x"}}, "5.7.1", "Daily limit  https://x"},
		{"550-first\r\n550 5.7.1 last\r\n", Reply{550, []string{"first", "5.7.1 last"}}, "5.7.1", "first last"},
		{"250-a\r\n250-\r\n250\r\n", Reply{250, []string{"a", "", ""}}, "", "a  "},
		{"450 5.4.5 other class\r\n", Reply{450, []string{"5.4.5 other class"}}, "5.4.5", "other class"},
		{"250 2.10.1000 x\r\n", Reply{250, []string{"2.10.1000 x"}}, "", "2.10.1000 x"},
		{"250 3.1.1 x\r\n", Reply{250, []string{"3.1.1 x"}}, "", "3.1.1 x"},
		{"250 2.1 x\r\n", Reply{250, []string{"2.1 x"}}, "", "2.1 x"},
		{"250 gr\xc3\xbc\xff\r\n", Reply{250, []string{"gr\xc3\xbc\xff"}}, "", "gr\xc3\xbc\xff"},
	}
	for _, tt := range tests {
		got, err := readerOf(tt.octets).read(nil)
		if err != nil {
			t.Errorf("%q: %v", tt.octets, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.octets, diff)
		}
		if got.Enhanced() != tt.enhanced || got.Text() != tt.text {
			t.Errorf("%q: enhanced %q, text %q; want %q, %q", tt.octets, got.Enhanced(), got.Text(), tt.enhanced, tt.text)
		}
	}
}

func TestReplyClass(t *testing.T) {
	for code, want := range map[int]string{250: "positive", 354: "intermediate", 450: "transient", 550: "permanent", 0: ""} {
		r := Reply{Code: code}
		got := ""
		for name, is := range map[string]bool{"positive": r.Positive(), "intermediate": r.Intermediate(), "transient": r.Transient(), "permanent": r.Permanent()} {
			if is {
				got += name
			}
		}
		if got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
	if s := (Reply{550, []string{"5.4.5 Daily", "5.4.5 limit"}}).String(); s != "550 5.4.5 Daily limit" {
		t.Errorf("String gives %q", s)
	}
}

func TestMalformedReplies(t *testing.T) {
	long := strings.Repeat("x", maxReplyLine)
	tests := []struct {
		name, octets string
		want         ProtocolError
	}{
		{"no code", "hello\r\n", ProtocolError{Line: "hello", Reason: "the line has no reply code"}},
		{"short", "25\r\n", ProtocolError{Line: "25", Reason: "the line has no reply code"}},
		{"empty", "\r\n", ProtocolError{Reason: "the line has no reply code"}},
		{"code too low", "199 x\r\n", ProtocolError{Line: "199 x", Reason: "the reply code is out of range"}},
		{"code too high", "600 x\r\n", ProtocolError{Line: "600 x", Reason: "the reply code is out of range"}},
		{"separator", "250_x\r\n", ProtocolError{Line: "250_x", Reason: "neither a blank nor a hyphen follows the reply code"}},
		{"four digits", "2500 x\r\n", ProtocolError{Line: "2500 x", Reason: "neither a blank nor a hyphen follows the reply code"}},
		{"bare LF", "250 x\n", ProtocolError{Line: "250 x", Reason: "the line ends in a bare LF"}},
		{"bare CR", "250 a\rb\r\n", ProtocolError{Line: "250 a\rb", Reason: "the line has a NUL or a bare CR"}},
		{"NUL", "250 a\x00\r\n", ProtocolError{Line: "250 a\x00", Reason: "the line has a NUL or a bare CR"}},
		{"mixed codes", "250-a\r\n251 b\r\n", ProtocolError{Line: "251 b", Lines: []string{"250-a"}, Reason: "the lines of the reply have different codes"}},
		{"no code later", "250-a\r\nb\r\n", ProtocolError{Line: "b", Lines: []string{"250-a"}, Reason: "the line has no reply code"}},
		{"too many lines", strings.Repeat("250-x\r\n", maxReplyLines+1), ProtocolError{Line: "250-x", Lines: strings.Split(strings.Repeat("250-x ", maxReplyLines-1)+"250-x", " "), Reason: "the reply has too many lines"}},
		{"line too long", "250 " + long + "\r\n", ProtocolError{Line: "250 " + long[:shownOfLine-4], Reason: "the line is too long"}},
		{"endless line", "250 " + strings.Repeat("x", 2*readBuffer), ProtocolError{Line: "250 " + long[:shownOfLine-4], Reason: "the line is too long"}},
		{"end within a line", "250 x", ProtocolError{Line: "250 x", Reason: "the connection ended within a line", Err: io.ErrUnexpectedEOF}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readerOf(tt.octets).read(nil)
			var got *ProtocolError
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want a *ProtocolError", err)
			}
			if diff := cmp.Diff(tt.want, *got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommonReplyCostsNoAllocation(t *testing.T) {
	octets := strings.Repeat("250 2.1.5 OK id.1 - gsmtp\r\n", 1100)
	reader := readerOf(octets)
	if allocations := testing.AllocsPerRun(1000, func() {
		if reply, err := reader.read(nil); err != nil || reply.Code != 250 {
			t.Fatal(reply, err)
		}
	}); allocations > 0 {
		t.Errorf("%v allocations a reply, want none", allocations)
	}
}

func TestRecentRepliesAreTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codes := rapid.SliceOf(rapid.IntRange(200, 215)).Draw(t, "codes")
		var octets strings.Builder
		for _, code := range codes {
			octets.WriteString(Reply{code, []string{"x"}}.Wire()[0] + "\r\n")
		}
		reader := readerOf(octets.String())
		for _, code := range codes {
			if reply, err := reader.read(nil); err != nil || reply.Code != code {
				t.Fatalf("got %v, %v; want %d", reply, err, code)
			}
		}
	})
}

// encode is a reply in its wire form. Source: RFC 5321 §4.2.1.
func encode(r Reply) string { return strings.Join(r.Wire(), "\r\n") + "\r\n" }

// FuzzReply: the parser never panics, an error is typed, and what it reads is within its bounds and reads back.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"250 OK\r\n", "250\r\n", "550-5.7.1 a\r\n550 5.7.1 b\r\n", "250-a\r\n251 b\r\n", "x\r\n", "250 x\n", "250"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := readerOf(string(data))
		for {
			reply, err := reader.read(func(line string) {
				if len(line) > maxReplyLine || strings.ContainsAny(line, "\r\n") {
					t.Fatalf("line %q", line)
				}
			})
			var wrong *ProtocolError
			if errors.As(err, &wrong) && (len(wrong.Line) > shownOfLine || wrong.Reason == "") {
				t.Fatalf("error %#v", wrong)
			}
			if err != nil && wrong == nil && !errors.Is(err, io.EOF) {
				t.Fatalf("error %v has no type", err)
			}
			if err != nil {
				return
			}
			if len(reply.Lines) == 0 || len(reply.Lines) > maxReplyLines || reply.Code < 200 || reply.Code > 599 {
				t.Fatalf("reply out of bounds: %v", reply)
			}
			_, _ = reply.Enhanced(), reply.Text()
			if again, err := readerOf(encode(reply)).read(nil); err != nil || !cmp.Equal(reply, again) {
				t.Fatalf("%v reads back as %v, %v", reply, again, err)
			}
		}
	})
}

func TestWellFormedReplyRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Reply{
			Code:  rapid.IntRange(200, 599).Draw(t, "code"),
			Lines: rapid.SliceOfN(rapid.StringMatching(`[\t -~]{0,60}`), 1, 20).Draw(t, "lines"),
		}
		got, err := readerOf(encode(want)).read(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}
