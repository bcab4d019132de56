package policyd

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// sample is what a Postfix 3.7 sends at RCPT, shortened.
const sample = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=2001:db8::5
client_name=mail.acme.example
client_port=40012
reverse_client_name=mail.acme.example
server_address=127.0.0.1
server_port=587
helo_name=mail.acme.example
sender=Anna@ACME.example
recipient=bob@other.example
recipient_count=0
queue_id=
instance=ba.6b0574eb.c5462.0
size=1234
etrn_domain=
stress=
sasl_method=plain
sasl_username=anna@acme.example
encryption_protocol=TLSv1.3

`

func read(text string) (request, error) {
	return readRequest(bufio.NewReaderSize(strings.NewReader(text), longestLine))
}

func TestARequestIsRead(t *testing.T) {
	want := request{
		state: "RCPT", instance: "ba.6b0574eb.c5462.0", client: netip.MustParseAddr("2001:db8::5"), clientPort: "40012", serverPort: "587",
		helo: "mail.acme.example", extended: true, user: "anna@acme.example", tls: true,
		sender:    policy.Address{Local: "Anna", Domain: "acme.example"},
		recipient: policy.Address{Local: "bob", Domain: "other.example"}, size: 1234,
	}
	for name, text := range map[string]string{"as it is": sample, "with CRLF": strings.ReplaceAll(sample, "\n", "\r\n")} {
		got, err := read(text)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got, cmp.AllowUnexported(request{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })))
		}
	}
}

func TestWhatPostfixLeavesOut(t *testing.T) {
	got, err := read("request=smtpd_access_policy\nprotocol_state=MAIL\nclient_address=unknown\nsender=\nrecipient=postmaster\n\n")
	want := request{state: "MAIL", recipient: policy.Address{Local: "postmaster"}}
	if err != nil || got != want || !got.sender.Null() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoRequest(t *testing.T) {
	const begin = "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	for name, test := range map[string]struct{ text, want string }{
		"a browser":           {"GET / HTTP/1.1\r\n\r\n", "no name=value"},
		"an empty request":    {"\n", `request="", not smtpd_access_policy`},
		"another kind":        {"request=something\nprotocol_state=RCPT\n\n", `request="something"`},
		"no state":            {"request=smtpd_access_policy\n\n", "protocol_state is missing"},
		"no name":             {begin + "=x\n\n", "no name=value"},
		"twice":               {begin + "sender=a@b.example\nsender=c@d.example\n\n", `"sender" is given twice`},
		"no address":          {begin + "client_address=300.1.1.1\n\n", "client_address"},
		"no number":           {begin + "recipient_count=many\n\n", "recipient_count"},
		"a negative size":     {begin + "size=-1\n\n", "size"},
		"a size past reason":  {begin + "size=99999999999999999999\n\n", "size"},
		"a NUL":               {begin + "sender=a\x00b\n\n", "control characters"},
		"a bare CR":           {begin + "sender=a\rb\n\n", "control characters"},
		"a long line":         {begin + "sender=" + strings.Repeat("a", longestLine) + "\n\n", "more than 4096 octets"},
		"too many attributes": {begin + strings.Repeat("a=b\n", 1) + lines(mostAttributes) + "\n", "more than 200 attributes"},
		"cut in a line":       {begin + "sender=a", "ended in the line"},
		"cut between lines":   {begin, "without an empty line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(test.text)
			if !errors.Is(err, errNoRequest) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read: %v, want %s", err, test.want)
			}
		})
	}
	if _, err := read(""); err != io.EOF {
		t.Errorf("the end between two requests: %v", err)
	}
}

// lines gives n attributes.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("x" + strings.Repeat("y", i) + "=1\n")
	}
	return b.String()
}

func TestActions(t *testing.T) {
	long := policy.Reply{Code: 550, Enhanced: "5.7.1", Lines: []string{strings.Repeat("word ", 100)}}
	for want, reply := range map[string]policy.Reply{
		"450 4.2.1 Peak limit. See https://example.com": {Code: 450, Enhanced: "4.2.1", Lines: []string{"Peak limit. See", "  https://example.com "}},
		"550 no": {Code: 550, Lines: []string{"no"}},
		"550 5.7.1 " + strings.Repeat("word ", 77) + "word": long,
	} {
		if got := refusal(reply); got != want || len(got) > longestAction {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzRequest reads what anybody may send to the service: it neither panics nor keeps more than its bounds, and takes no more
// than a request, so that the next one is read as if it came alone.
func FuzzRequest(f *testing.F) {
	f.Add(sample)
	f.Add("request=smtpd_access_policy\nprotocol_state=DATA\nrecipient_count=3\n\nrest")
	f.Add("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	f.Add("a=b\r\n=c\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		source := strings.NewReader(text)
		in := bufio.NewReaderSize(source, longestLine)
		got, err := readRequest(in)
		if err != nil {
			return
		}
		if got.state == "" || got.recipients < 0 || got.size < 0 {
			t.Fatalf("read %+v", got)
		}
		taken := text[:len(text)-source.Len()-in.Buffered()]
		again := bufio.NewReaderSize(strings.NewReader(taken+taken), longestLine)
		for range 2 {
			if next, err := readRequest(again); err != nil || !reflect.DeepEqual(next, got) {
				t.Fatalf("read %+v, then %+v, %v", got, next, err)
			}
		}
	})
}
