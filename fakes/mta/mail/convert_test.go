package mail

import (
	"bytes"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEightBitBodiesAreSentAsEachServerDoes(t *testing.T) {
	const content = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\nTo: y\r\n\r\ngr\xc3\xbc\xc3\x9fe = a\r\n.\r\n"
	const encoded = "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\nTo: y\r\n\r\ngr=C3=BC=C3=9Fe =3D a\r\n.\r\n"
	for server, want := range map[string]string{
		"postfix": encoded, "osx": encoded, "exchange-hub": encoded, "exchange-edge": encoded, "groupwise": encoded,
		"sendmail": content, "exim": content, "qmail": content, "domino": content, "exchange-2003": "",
	} {
		f := profiles(t)[server].Mail
		got, err := f.Convert([]byte(content), false)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", server, diff)
		}
		if unfit := new(Unfit); (want == "") != errors.As(err, &unfit) {
			t.Errorf("%s: %v", server, err)
		}
		if got, err := f.Convert([]byte(content), true); err != nil || string(got) != content {
			t.Errorf("%s changes it though 8BITMIME is offered: %q, %v", server, got, err)
		}
	}
}

func TestOnlyPartsThatNeedItAreEncoded(t *testing.T) {
	f := profiles(t)["postfix"].Mail
	got, err := f.Convert([]byte("Content-Type: multipart/mixed; boundary=\"b\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreface\r\n"+
		"--b\r\nContent-Type: text/plain\r\n\r\nplain = text\r\n--b\r\nContent-Type: text/plain\r\n\r\n\xe9t\xe9\r\n"+
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n\xe0\r\n--b--\r\nend\r\n"), false)
	if err != nil {
		t.Fatal(err)
	}
	want := "Content-Type: multipart/mixed; boundary=\"b\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\npreface\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nplain = text\r\n--b\r\nContent-Type: text/plain\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E9t=E9\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E0\r\n--b--\r\nend\r\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLongLinesAreSentAsEachServerDoes(t *testing.T) {
	long := strings.Repeat("0123456789", 250)
	content := []byte("Subject: x\r\n\r\n" + long + "\r\nend\r\n")
	for server, want := range map[string]string{
		"postfix":  long[:998] + "\r\n " + long[998:1995] + "\r\n " + long[1995:],
		"sendmail": long[:2039] + "!\r\n " + long[2039:],
		"qmail":    long,
		"exim":     "",
	} {
		f := profiles(t)[server].Mail
		_, _, err := f.Accept(Submission{Content: content}, host(), NewIDs(1), noon())
		if want == "" {
			if unfit := new(Unfit); !errors.As(err, &unfit) || unfit.Long != 2500 {
				t.Errorf("%s: %v", server, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Convert(content, true)
		if diff := cmp.Diff("Subject: x\r\n\r\n"+want+"\r\nend\r\n", string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", server, err, diff)
		}
	}
}

// Whatever is submitted: what is sent is 7-bit where it must be, has no line past the limit, and says the same.
func TestWhatIsSentFitsTheRelay(t *testing.T) {
	f := Forms{}
	f.EightBit.Value, f.LongLines.Value = ToQuoted, FoldLong
	rapid.Check(t, func(t *rapid.T) {
		f.LineLimit.Value = rapid.IntRange(78, 998).Draw(t, "limit")
		f.LongLines.Value = rapid.SampledFrom([]LongLine{FoldLong, SplitLong}).Draw(t, "long lines")
		body := rapid.SliceOf(rapid.Byte().Filter(func(b byte) bool { return b != '\r' && b != '\n' })).Draw(t, "body")
		content := append([]byte("Subject: x\r\n\r\n"), append(body, "\r\n"...)...)
		got, err := f.Convert(content, false)
		if err != nil {
			t.Fatal(err)
		}
		if eightBit(got) || longest(got) > f.LineLimit.Value {
			t.Fatalf("8-bit %t, %d octets in a line: %q", eightBit(got), longest(got), got)
		}
		if !eightBit(content) {
			return
		}
		_, sent, _ := bytes.Cut(got, []byte("\r\n\r\n"))
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(sent)))
		if err != nil || !bytes.Equal(bytes.TrimRight(decoded, "\r\n"), body) {
			t.Fatalf("%v: %q comes to %q", err, body, decoded)
		}
	})
}

// Whatever octets are submitted, every server takes them or says why not, and neither it nor its bounce panics.
func TestAnythingMayBeSubmitted(t *testing.T) {
	all := profiles(t)
	rapid.Check(t, func(t *rapid.T) {
		p := all[rapid.SampledFrom([]string{"postfix", "sendmail", "exim", "qmail", "exchange-2003", "domino"}).Draw(t, "server")]
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"From: a", "\r\n", "\r\n\r\n", ":", " ", "\t", "{{.ID}}", "\xff", "Date", "--b", "\n",
			"Content-Type: multipart/mixed; boundary=b\r\n", "(", "id"})).Draw(t, "pieces")
		s := Submission{Content: []byte(strings.Join(pieces, "")), Local: rapid.Bool().Draw(t, "local")}
		content, received, err := p.Mail.Accept(s, Host{}, NewIDs(1), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if received < 2 || received > int64(len(content)) || !bytes.HasSuffix(content, []byte("\r\n")) {
			t.Fatalf("received %d of %d octets: %q", received, len(content), content)
		}
		if _, err := p.Mail.Convert(content, rapid.Bool().Draw(t, "8BITMIME")); err != nil && !errors.As(err, new(*Unfit)) {
			t.Fatal(err)
		}
		if _, err := p.Bounce.Write(Host{}, content, "", nil, NewIDs(1), time.Time{}); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAccept(b *testing.B) {
	p, ids := profiles(b)["postfix"], NewIDs(1)
	s := Submission{Sender: "a@corp.example", Recipients: []string{"b@example.net"}, Content: []byte("Subject: x\r\n\r\nx\r\n")}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Mail.Accept(s, host(), ids, noon()); err != nil {
			b.Fatal(err)
		}
	}
}
