package wire

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

func TestCutPath(t *testing.T) {
	long := strings.Repeat("a", 64)
	label := strings.Repeat("d", 63)
	tests := []struct {
		argument  string
		direction direction
		want      policy.Address
		rest      string
	}{
		{"FROM:<>", reversePath, policy.Address{}, ""},
		{"from:  <>   SIZE=1  BODY=7BIT", reversePath, policy.Address{}, "SIZE=1  BODY=7BIT"},
		{"FROM:<Ann.B@Example.COM>", reversePath, policy.Address{Local: "Ann.B", Domain: "example.com"}, ""},
		{"FROM:<a!#$%&'*+-/=?^_`{|}~9@x>", reversePath, policy.Address{Local: "a!#$%&'*+-/=?^_`{|}~9", Domain: "x"}, ""},
		{`TO:<"a b>\"\\@"@x.y> Z`, forwardPath, policy.Address{Local: `a b>"\@`, Domain: "x.y"}, "Z"},
		{`TO:<"a\bc"@x>`, forwardPath, policy.Address{Local: "abc", Domain: "x"}, ""},
		{"TO:<postMaster>", forwardPath, policy.Address{Local: "postMaster"}, ""},
		{"TO:<@a.b,@[192.0.2.1]:c@d>", forwardPath, policy.Address{Local: "c", Domain: "d"}, ""},
		{"TO:<a@[192.0.2.1]>", forwardPath, policy.Address{Local: "a", Domain: "[192.0.2.1]"}, ""},
		{"TO:<a@[IPv6:2001:DB8::1]>", forwardPath, policy.Address{Local: "a", Domain: "[ipv6:2001:db8::1]"}, ""},
		{"TO:<J\u00f6rg.\u00c4@B\u00fccher.Example>", forwardPath, policy.Address{Local: "J\u00f6rg.\u00c4", Domain: "b\u00fccher.example"}, ""},
		{"TO:<\"\u6d4b \u8bd5\"@\u6d4b\u8bd5.example>", forwardPath, policy.Address{Local: "\u6d4b \u8bd5", Domain: "\u6d4b\u8bd5.example"}, ""},
		{"TO:<@b\u00fc.example:c@d>", forwardPath, policy.Address{Local: "c", Domain: "d"}, ""},
		{"TO:<" + long + "@" + label + ".x>", forwardPath, policy.Address{Local: long, Domain: label + ".x"}, ""},
	}
	for _, tt := range tests {
		keyword := "TO:"
		if tt.direction == reversePath {
			keyword = "FROM:"
		}
		got, rest, ok := cutPath([]byte(tt.argument), keyword, tt.direction)
		if !ok {
			t.Errorf("%q: not understood", tt.argument)
		}
		if diff := cmp.Diff(tt.want, got) + cmp.Diff(tt.rest, string(rest)); diff != "" {
			t.Errorf("%q: %s", tt.argument, diff)
		}
	}
}

func TestCutPathRefuses(t *testing.T) {
	for _, path := range []string{
		"", "<", ">", "a@b", "Ann <a@b>", "<a@b", "<a@b>x", "<a@b>\tx", "<a>", "<@>", "<@b>", "<a@>", "<.a@b>", "<a.@b>", "<a..b@c>", "<a b@c>",
		"< a@b>", "<a@b >", "<a@b.>", "<a@.b>", "<a@-b>", "<a@b->", "<a@b_c>", "<a@b@c>", `<""@b>`, `<"a@b>`, `<"a"b@c>`, `<a"b"@c>`, `<"a\"@b>`,
		"<a@[1.2.3]>", "<a@[1.2.3.4>", "<a@[::1]>", "<a@[IPv6:1.2.3.4]>", "<a@[IPv6:fe80::1%eth0]>", "<a@[x:y]>", "<a@[]>", "<a@[>",
		"<@a.b:>", "<@a.b,c@d>", "<@a.b,:c@d>", "<a.b:c@d>", "<@a.b:@c:d@e>", "<\"a\x01b\"@c>", "<\"a\x7f\"@c>",
		"<po\u017ftmaster>", "<\xff@b>", "<a@\xff.b>", "<\xc3@b>", "<\xed\xa0\x80@b>", // no postmaster, and no UTF-8
		"<a@b\u00fc_c>", "<a@-b\u00fc>", "<a@b\u00fc..c>", "<a@b\u3002\u00fc>", "<a@b\u00fccher.example.>", "<a@b\u00fccher.example\u3002>", "<a@\uff42>", "<a@B\u00dc>", "<a@\u200d.b>", // no U-labels
		"<\"\\\u00fc\"@b>", "<a@" + strings.Repeat("\u00fc", 60) + ">", "<" + strings.Repeat("\u00fc", 33) + "@b>",
		"<" + strings.Repeat("a", 65) + "@b>", "<a@" + strings.Repeat("d", 64) + ">", "<a@" + strings.Repeat("d.", 127) + "de>",
		"<a@" + strings.Repeat("d.", 126) + "d>", // 257 octets
		"<postmaster>x",
	} {
		if a, _, ok := cutPath([]byte("TO:"+path), "TO:", forwardPath); ok {
			t.Errorf("%q: understood as %q", path, a)
		}
	}
	for _, argument := range []string{"FROM:<postmaster>", "FROM:<ann>", "FROM <a@b>", "FROM", "TO:<a@b>", "FROM :<a@b>"} {
		if a, _, ok := cutPath([]byte(argument), "FROM:", reversePath); ok {
			t.Errorf("%q: understood as %q", argument, a)
		}
	}
	if _, _, ok := cutPath([]byte("TO:<>"), "TO:", forwardPath); ok {
		t.Error("<> as a recipient")
	}
}

// spell writes a as a path that parses to it, quotes where they are needed.
func spell(a policy.Address) string {
	if a.Domain == "" || isDotString(a.Local) {
		return a.String()
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Local) + `"@` + a.Domain
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"", "a@b", "postmaster", `"a b"@c`, `"a\"@b"@c`, "@a,@b:c@d", "a@[192.0.2.1]", "a@[IPv6:::1]", "a@b.", "a>@b", "A@B.c", "J\u00f6rg@B\u00fccher.c", "\u212a@\u212a.c", `"\u6d4b \u8bd5"@\u6d4b.c`, "\xc3@b"} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, path string, forward bool) {
		d := direction(forward)
		a, rest, ok := cutPath([]byte("TO:<"+path+"> X"), "TO:", d)
		if !ok {
			return
		}
		if len(a.Local) > maxLocal || len(a.Domain) > maxDomain || strings.ContainsAny(a.Domain, "ABCDEFGHIJKLMNOPQRSTUVWXYZ >\r\n") {
			t.Fatalf("%q: %+v", path, a)
		}
		if a.Null() && d == forwardPath {
			t.Fatalf("%q: no recipient", path)
		}
		if !strings.HasSuffix(string(rest), "X") {
			t.Fatalf("%q: rest %q", path, rest)
		}
		if !utf8.ValidString(a.String()) || !isASCII(path) && !isASCII(a.Domain) && policy.ToASCII(a.Domain) == a.Domain {
			t.Fatalf("%q: %+q is no name", path, a)
		}
		spelt := spell(a)
		if len(spelt)-len(a.Domain)-1 > maxLocal || len(spelt)+2 > maxPath {
			return // escapes have made it longer than it was
		}
		again, _, ok := cutPath([]byte("TO:<"+spelt+">"), "TO:", d)
		if !ok || again != a {
			t.Fatalf("%q is %+v, but %q is %+v", path, a, spelt, again)
		}
	})
}

func TestParseMail(t *testing.T) {
	const syntax, parameters = policy.ReplySyntax, policy.ReplyParameters
	everything := offers{size: true, eightBit: true, auth: true, utf8: true}
	tests := []struct {
		text string
		want mailParameters
		says policy.ReplyName
	}{
		{"", mailParameters{}, ""},
		{"SIZE=0", mailParameters{}, ""},
		{"size=123 Body=8bitMIME AUTH=ann+40example.com smtputf8", mailParameters{size: 123, utf8: true}, ""},
		{"SIZE=9223372036854775807", mailParameters{size: 1<<63 - 1}, ""},
		{"SIZE=99999999999999999999", mailParameters{size: 1<<63 - 1}, ""},
		{"SIZE=999999999999999999999", mailParameters{}, syntax},
		{"SIZE=", mailParameters{}, syntax}, {"SIZE", mailParameters{}, syntax}, {"SIZE=-1", mailParameters{}, syntax},
		{"SIZE=1x", mailParameters{}, syntax}, {"SIZE=1 size=1", mailParameters{}, syntax},
		{"BODY=", mailParameters{}, syntax}, {"BODY=BINARYMIME", mailParameters{}, parameters},
		{"AUTH=", mailParameters{}, syntax}, {"AUTH=a=b", mailParameters{}, syntax}, {"AUTH=a+4", mailParameters{}, syntax},
		{"AUTH=a+4g", mailParameters{}, syntax},
		{"SMTPUTF8=", mailParameters{}, syntax}, {"SMTPUTF8=1", mailParameters{}, syntax}, {"SMTPUTF8 SMTPUTF8", mailParameters{}, syntax},
		{"RET=HDRS", mailParameters{}, parameters}, {"=", mailParameters{}, parameters}, {"X SIZE=1", mailParameters{}, parameters},
		{"\u017fIZE=1", mailParameters{}, parameters},
	}
	for _, tt := range tests {
		got, says := everything.parseMail([]byte(tt.text))
		if says != tt.says || says == "" && got != tt.want {
			t.Errorf("%q: %+v, %q", tt.text, got, says)
		}
	}
	var nothing offers
	for _, text := range []string{"SIZE=1", "BODY=7BIT", "AUTH=<>", "SMTPUTF8"} {
		if _, says := nothing.parseMail([]byte(text)); says != parameters {
			t.Errorf("%q isn't offered: %q", text, says)
		}
	}
}
