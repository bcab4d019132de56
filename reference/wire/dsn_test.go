package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

func TestParseRcpt(t *testing.T) {
	const syntax, parameters = policy.ReplySyntax, policy.ReplyParameters
	long := strings.Repeat("x", maxOriginal-len("rfc822;"))
	tests := []struct {
		text string
		utf8 bool
		want policy.Notice
		says policy.ReplyName
	}{
		{"", false, policy.Notice{}, ""},
		{"NOTIFY=NEVER", false, policy.Notice{Notify: "NEVER"}, ""},
		{"notify=delay,Success  orcpt=RFC822;Ann+2Bx+40example.com", false, policy.Notice{Notify: "DELAY,SUCCESS", OriginalType: "rfc822", Original: "Ann+x@example.com"}, ""},
		{"ORCPT=x400;+20", false, policy.Notice{OriginalType: "x400", Original: " "}, ""},
		{"ORCPT=rfc822;" + long, false, policy.Notice{OriginalType: "rfc822", Original: long}, ""},
		{"ORCPT=rfc822;" + long + "x", false, policy.Notice{}, syntax},
		{`ORCPT=utf-8;j\x{F6}rg@\x{6D4B}.c`, false, policy.Notice{OriginalType: "utf-8", Original: "jörg@测.c"}, ""},
		{`ORCPT=utf-8;jörg@测.c`, true, policy.Notice{OriginalType: "utf-8", Original: "jörg@测.c"}, ""},
		{`ORCPT=utf-8;jörg@测.c`, false, policy.Notice{}, syntax},
		{`ORCPT=rfc822;jörg@c`, true, policy.Notice{}, syntax},
		{`ORCPT=utf-8;\x{f6}`, true, policy.Notice{}, syntax}, {`ORCPT=utf-8;\x{F6`, true, policy.Notice{}, syntax},
		{`ORCPT=utf-8;\x{D800}`, true, policy.Notice{}, syntax}, {`ORCPT=utf-8;\x{0D}`, true, policy.Notice{}, syntax},
		{`ORCPT=utf-8;\`, true, policy.Notice{}, syntax}, {`ORCPT=utf-8;a+b`, true, policy.Notice{}, syntax}, {`ORCPT=utf-8;`, true, policy.Notice{}, syntax},
		{"NOTIFY", false, policy.Notice{}, syntax}, {"NOTIFY=", false, policy.Notice{}, syntax}, {"NOTIFY=NEVER,DELAY", false, policy.Notice{}, syntax},
		{"NOTIFY=DELAY,NEVER", false, policy.Notice{}, syntax}, {"NOTIFY=DELAY,DELAY", false, policy.Notice{}, syntax}, {"NOTIFY=DELAY,", false, policy.Notice{}, syntax},
		{"NOTIFY=NEVER NOTIFY=NEVER", false, policy.Notice{}, syntax}, {"NOTIFY=ALWAYS", false, policy.Notice{}, syntax},
		{"ORCPT", false, policy.Notice{}, syntax}, {"ORCPT=a", false, policy.Notice{}, syntax}, {"ORCPT=;a", false, policy.Notice{}, syntax},
		{"ORCPT=rfc822;", false, policy.Notice{}, syntax}, {"ORCPT=rfc822;a=b", false, policy.Notice{}, syntax}, {"ORCPT=rfc822;a+2", false, policy.Notice{}, syntax},
		{"ORCPT=rfc822;a+0D", false, policy.Notice{}, syntax}, {"ORCPT=rfc822;a+FF", false, policy.Notice{}, syntax}, {"ORCPT=r@;a", false, policy.Notice{}, syntax},
		{"ORCPT=rfc822;a ORCPT=rfc822;a", false, policy.Notice{}, syntax},
		{"NOTIFY=\u017fUCCESS", true, policy.Notice{}, syntax}, {"NOTIFY=FA\u0131LURE", true, policy.Notice{}, syntax}, // no S, no I
		{"RET=HDRS", false, policy.Notice{}, parameters}, {"X", false, policy.Notice{}, parameters},
	}
	offered := offers{dsn: true, utf8: true}
	for _, tt := range tests {
		got, says := offered.parseRcpt([]byte(tt.text), tt.utf8)
		if says != tt.says || says == "" && got != tt.want {
			t.Errorf("%q: %+v, %q", tt.text, got, says)
		}
	}
	var nothing offers
	for _, text := range []string{"NOTIFY=NEVER", "ORCPT=rfc822;a"} {
		if _, says := nothing.parseRcpt([]byte(text), false); says != parameters {
			t.Errorf("%q isn't offered: %q", text, says)
		}
	}
}

func TestParseMailDSN(t *testing.T) {
	tests := []struct {
		text string
		want mailParameters
		says policy.ReplyName
	}{
		{"RET=full envid=QQ+2B+3D314", mailParameters{ret: "FULL", envelopeID: "QQ+=314"}, ""},
		{"RET=HDRS", mailParameters{ret: "HDRS"}, ""},
		{"ENVID=" + strings.Repeat("x", 100), mailParameters{envelopeID: strings.Repeat("x", 100)}, ""},
		{"ENVID=" + strings.Repeat("x", 101), mailParameters{}, policy.ReplySyntax},
		{"RET=", mailParameters{}, policy.ReplySyntax}, {"RET", mailParameters{}, policy.ReplySyntax}, {"RET=BODY", mailParameters{}, policy.ReplySyntax},
		{"RET=HDR\u017f", mailParameters{}, policy.ReplySyntax},
		{"RET=FULL RET=FULL", mailParameters{}, policy.ReplySyntax}, {"ENVID=", mailParameters{}, policy.ReplySyntax}, {"ENVID=a+0A", mailParameters{}, policy.ReplySyntax},
		{"ENVID=a ENVID=a", mailParameters{}, policy.ReplySyntax}, {"NOTIFY=NEVER", mailParameters{}, policy.ReplyParameters},
	}
	offered := offers{dsn: true}
	for _, tt := range tests {
		got, says := offered.parseMail([]byte(tt.text))
		if says != tt.says || says == "" && got != tt.want {
			t.Errorf("%q: %+v, %q", tt.text, got, says)
		}
	}
}

// What is asked stays with the recipient that it is asked for.
func TestNoticesStayInStep(t *testing.T) {
	var d policy.DSN
	never := policy.Notice{Notify: "NEVER"}
	for i, n := range []policy.Notice{{}, {}, never, {}, never} {
		d.Add(i, n)
	}
	if diff := cmp.Diff([]policy.Notice{{}, {}, never, {}, never}, d.Notices); diff != "" {
		t.Error(diff)
	}
	if d.For(2) != never || d.For(5) != (policy.Notice{}) {
		t.Error(d)
	}
}
