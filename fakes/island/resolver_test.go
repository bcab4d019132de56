package island

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestResolve(t *testing.T) {
	names := givenNames(Options{Names: map[string]string{"smtp-relay.gmail.com": "127.0.0.2"}}.names())
	for query, want := range map[string]string{
		"smtp-relay.gmail.com. A": "NOERROR 127.0.0.2", "SMTP-Relay.gmail.com. A": "NOERROR 127.0.0.2",
		"smtp-relay.gmail.com. MX": "NOERROR", "smtp-relay.google.com. A": "NXDOMAIN",
		"smtp-relay.gmail.com.corp.example. MX": "NXDOMAIN",
		"example.net. MX":                       "NOERROR 10 mx.example.net.",
		"T7F3A.Example. MX":                     "NOERROR 10 mx.example.net.",
		"mx.example.net. A":                     "NOERROR 127.0.0.53",
		"corp.test. A":                          "NOERROR 127.0.0.53",
		"corp.test. TXT":                        "NOERROR",
		"relay.island.example. A":               "NOERROR 127.0.0.1", "gmail.com.island.example. A": "NXDOMAIN",
		"localhost. AAAA":                       "NOERROR ::1",
		"9.0.0.127.in-addr.arpa. PTR":           "NOERROR localhost.",
		reverseOf("::1") + " PTR":               "NOERROR localhost.",
		"1.2.0.192.in-addr.arpa. PTR":           "NXDOMAIN",
		"gmail.com. MX":                         "NXDOMAIN",
		"notexample.net. A":                     "NXDOMAIN",
		"nobody.invalid. A":                     "NXDOMAIN",
		strings.Repeat("x.", 20) + "example. A": "NOERROR 127.0.0.53",
	} {
		name, kind, _ := strings.Cut(query, " ")
		answer := names.resolve(new(dns.Msg).SetQuestion(name, dns.StringToType[kind]))
		got := dns.RcodeToString[answer.Rcode]
		for _, record := range answer.Answer {
			got += " " + strings.TrimPrefix(record.String(), record.Header().String())
		}
		if diff := cmp.Diff(want, strings.ReplaceAll(got, "\t", " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestResolveRefusesWhatAsksNothing(t *testing.T) {
	if answer := given(nil).resolve(new(dns.Msg)); answer.Rcode != dns.RcodeFormatError {
		t.Errorf("a query without a question: %s", dns.RcodeToString[answer.Rcode])
	}
}
