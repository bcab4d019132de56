package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuzz reads anything as a file of the given names: it gives setups or faults with their places, and never panics.
func fuzz(f *testing.F, server string, names []string, seeds ...string) {
	samples, err := filepath.Glob("testdata/" + server + "/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, sample := range append(samples, "testdata/qmail/control/smtproutes") {
		if content, err := os.ReadFile(sample); err == nil {
			f.Add(uint8(0), content)
			f.Add(uint8(1), content)
		}
	}
	for _, seed := range seeds {
		f.Add(uint8(0), []byte(seed))
		f.Add(uint8(1), []byte(strings.ReplaceAll(seed, "\n", "\r\n")))
	}
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		path := inFile(t, names[int(which)%len(names)], string(content))
		setups, warnings, err := ReadAll(server, path)
		if err != nil {
			faults, ok := errors.AsType[Faults](err)
			if !ok || len(faults) == 0 || setups != nil {
				t.Fatalf("%T %v, %d setups", err, err, len(setups))
			}
			warnings = append(warnings, faults...)
		} else if len(setups) == 0 {
			t.Fatal("neither a setup nor a fault")
		}
		lines := strings.Count(string(content), "\n") + strings.Count(string(content), "\r") + 1
		for _, fault := range warnings {
			if fault.Place.File == "" || fault.Place.Line < 0 || fault.Place.Line > lines || fault.Text == "" {
				t.Fatalf("a fault without a place: %+v", fault)
			}
		}
		for _, s := range setups {
			if s.Server != server || len(s.Files) == 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzPostfix(f *testing.F) {
	fuzz(f, "postfix", []string{"main.cf"}, "a = $b\nb = ${a?{$a}:{b}}\n", "a = ${{$b} <= {3} ? {$c} : {}}\n", "=\n $", "relayhost = [a]:b, [\n",
		"transport_maps = hash:main.cf\n", "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:\n", "a = $($\nb = $((\n", "x = ${y:", "smtp_mail_timeout = ${x}m\n")
}

func FuzzServerAdmin(f *testing.F) {
	fuzz(f, "osx", []string{"serveradmin.txt", "main.cf"}, "mail:postfix:a:_array_index:0 = \"\nmail:postfix: = \"", "mail:postfix:relayhost = \"\\\"\"\n")
}

func FuzzSendmailMC(f *testing.F) {
	fuzz(f, "sendmail", []string{"sendmail.mc"}, "define(`A', `A')A(A)", "define(`SMART_HOST', `$1$2$*$#')SMART_HOST(`a',`b')", "ifelse(a,b,c,d,e,f)", "include(`sendmail.mc')",
		"define(define(`a'", "define(`x', `x x x')x", "dnl", "LOCAL_CONFIG\nDS$S\n", "define()define(`',`')", "``'", "divert(-1", "ifdef(`A',`define(`A',`B')')")
}

func FuzzSendmailCF(f *testing.F) {
	fuzz(f, "sendmail", []string{"sendmail.cf"}, "DS$S\nDj$j\nO Timeout.mail=\nMrelay, A=TCP $h x\n", "D\nO\nM\nK\nC\nD{\n", "O =\nO x\nM,=", " x\nDSa:\n")
}

func FuzzQmail(f *testing.F) {
	fuzz(f, "qmail", []string{"control/smtproutes", "control/timeoutremote"}, ":a:b:c\n::\n:a b c\n", ":[a\n", "a\n", "9999999999999999999\n")
}

func FuzzExchange(f *testing.F) {
	fuzz(f, "exchange-hub", []string{"hub.txt", "edge.txt"}, "Name : A\nName : A\n\nName : A\nSmartHosts : {\n", "AddressSpaces : {SMTP:*;}\nPort :\n", "Identity : \\\nAuthMechanism : {},\n",
		"[PS] C:\\>Get-EdgeSubscription\nName : \\\n", "ConnectionInactivityTimeOut : 1.1.1:1:1\nSmartHosts : {...}\n")
}

func FuzzExchange2003(f *testing.F) {
	fuzz(f, "exchange-2003", []string{"smtpsvc.txt", "connector.ldf"}, "SmartHost : (STRING) \"\n\"\n", "dn: a\nmsExchSmtpRetries:: MQ==\n", "dn:\nroutingList: SMTP:*;1\nobjectClass: msExchRoutingSMTPConnector\n")
}

func FuzzDomino(f *testing.F) {
	fuzz(f, "domino", []string{"notes.ini", "configuration.dxl", "configuration.yaml"}, "[Notes]\n=\n", "<document><item name='a'><item name='b'></item></document>",
		"Configuration:\n  - - a\n", "a: &a [*a]\nb: !!x y\n", "Server: {Server: {Server: a}}\n", "RelayHost: |\n  a\n  b\n", "? a\n: b\n", "RelayHost: >\n")
}

func FuzzGroupWise(f *testing.F) {
	fuzz(f, "groupwise", []string{"gwia.cfg", "gwauth.cfg"}, "/\n--\n/-\n/mh\n", "--mh /a \"\n", "/tc=99999999999999\n/mh:[")
}

func FuzzExim(f *testing.F) {
	fuzz(f, "exim", []string{"update-exim4.conf.conf"}, "dc_smarthost='::'\n=\n", "dc_eximconfig_configtype=\ndc_smarthost=';'\n")
}

// Which server it is, is found out too.
func FuzzAnything(f *testing.F) {
	for _, seed := range []string{"", "\xff\xfe", "\xfe\xff\x00a\x00", "a\x00b\x00", "\xff\xfea", "relayhost = a\n", "<?xml", "\r\r", "\x1a", "/mh-a\ndn: b\nName : c\n"} {
		f.Add("file", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		name = filepath.Base(name)
		if len(name) > 100 || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." {
			return
		}
		if setups, _, err := ReadAll("", inFile(t, name, string(content))); err == nil && len(setups) == 0 {
			t.Fatal("neither a setup nor a fault")
		}
	})
}
