package settings

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// described is a setup in short: what the recipes are about.
func described(s *Setup) string {
	var retries []string
	for _, r := range s.Retry.Intervals {
		retries = append(retries, r.Value.String())
	}
	return fmt.Sprintf("%s %s:%d hello=%s tls=%s auth=%t rcpt=%d conn=%d msg=%d cache=%t retry=%s final=%s",
		s.Server, s.Relay.Value.Host, s.Relay.Value.Port, s.Hello.Value, s.TLS.Value, s.Auth.Value, s.Recipients.Value,
		s.Connections.Value, s.Messages.Value, s.Caching.Value, strings.Join(retries, ","), s.Timeouts.DataFinal.Value)
}

// The documented recipe of each server, in each form that it is written in.
func TestDocumentedRecipes(t *testing.T) {
	const td = "testdata/"
	for given, want := range map[string]string{
		"postfix":                     "postfix smtp-relay.gmail.com:25 hello=mail.corp.example tls=none auth=false rcpt=50 conn=20 msg=0 cache=true retry= final=10m0s",
		"sendmail":                    "sendmail smtp-relay.gmail.com:0 hello=mail.corp.example tls=opportunistic auth=false rcpt=100 conn=0 msg=0 cache=true retry= final=1h0m0s",
		"qmail":                       "qmail smtp-relay.gmail.com:25 hello=mail.corp.example tls=none auth=false rcpt=1 conn=20 msg=1 cache=false retry= final=20m0s",
		"exchange-hub/connectors.txt": "exchange-hub smtp-relay.gmail.com:25 hello=mail.corp.example tls=opportunistic auth=false rcpt=0 conn=20 msg=20 cache=true retry=1m0s final=0s",
		"exchange-2003":               "exchange-2003 smtp-relay.gmail.com:0 hello= tls=none auth=false rcpt=100 conn=100 msg=20 cache=true retry= final=0s",
		"exchange-2003/smtpsvc.txt exchange-2003/connector.ldf": "exchange-2003 smtp-relay.gmail.com:25 hello=mail.corp.example tls=none auth=false rcpt=100 conn=100 msg=20 cache=true retry=1m0s,1m0s,3m0s,5m0s final=0s",
		"domino/notes.ini domino/configuration.dxl":             "domino smtp-relay.gmail.com:0 hello=mail.corp.example tls=none auth=false rcpt=0 conn=0 msg=0 cache=true retry=1m0s final=0s",
		"domino/configuration.yaml":                             "domino smtp-relay.gmail.com:0 hello=mail.corp.example tls=none auth=false rcpt=0 conn=0 msg=0 cache=true retry=1m0s final=0s",
		"groupwise":                                             "groupwise smtp-relay.gmail.com:0 hello=mail.corp.example tls=none auth=false rcpt=0 conn=20 msg=1 cache=false retry= final=15m0s",
		"osx/serveradmin.txt":                                   "osx smtp-relay.gmail.com:0 hello=mail.corp.example tls=none auth=false rcpt=50 conn=20 msg=0 cache=true retry= final=10m0s",
		"exim":                                                  "exim smtp-relay.gmail.com:25 hello= tls=opportunistic auth=false rcpt=100 conn=0 msg=1 cache=false retry=15m0s final=0s",
	} {
		var files []string
		for _, f := range strings.Fields(given) {
			files = append(files, td+f)
		}
		s, warnings := read(t, files...)
		if got := described(s); got != want {
			t.Errorf("%s:\n got %s\nwant %s", given, got, want)
		}
		if len(warnings) > 0 {
			t.Errorf("%s: %v", given, warnings)
		}
		if !s.Relay.Written() {
			t.Errorf("%s: no place of the relay: %+v", given, s.Relay)
		}
	}
}

// What is written later, or elsewhere, holds: each pair is a file and what it comes to.
func TestOverrides(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"smtpsvc.txt", "KeyType : (STRING) \"IIsSmtpServer\"\nSmartHost : (STRING) \"a.example\"\nSmartHost : (STRING) \"b.example\"\n", "b.example:3"},
		{"x.ldf", "dn: CN=1\nobjectClass: protocolCfgSMTPServer\nmsExchSmtpSmartHost: a.example\n\ndn: CN=c\nobjectClass: msExchRoutingSMTPConnector\nroutingList: SMTP:*;1\nmsExchSmtpSmartHost:: Yi5leGFtcGxl\n", "b.example:8"},
		{"x.ldf", "dn: CN=1\nobjectClass: protocolCfgSMTPServer\nmsExchSmtpSmartHost: a.exa\n mple\n\ndn: CN=c\nobjectClass: msExchRoutingSMTPConnector\nroutingList: SMTP:x.example;1\nmsExchSmtpSmartHost: b.example\n", "a.example:3"},
		{"x.dxl", "<database><document form='ServerConfig'><item name='ServerName'><text>SRV/ORG</text></item>\n<item name='RelayHost'><text>\nb.example</text></item></document>\n<document form='ServerConfig'><item name='ServerName'><text>*</text></item><item name='RelayHost'><text>a.example</text></item></document></database>", "b.example:3"},
		{"c.yaml", "Configuration:\n- ServerName: '*'\n  RelayHost: a.example\n- ServerName: SRV/ORG\n  RelayHost: b.example\n", "b.example:5"},
		{"c.yaml", "RelayHost: a.example\n---\nRelayHost: b.example\n", "b.example:3"},
		{"c.yaml", "Server:\n  SMTP Outbound:\n    TCP/IP port number: 587\nConfiguration:\n  Relay host for messages: x\n  RelayHost: b.example\n", "b.example:6"},
		{"gwia.cfg", "/mh-a.example\n--mh b.example\n", "b.example:2"},
		{"gwia.cfg", "/mh=\"a.example\" /hn-x\n;/mh-b.example\n", "a.example:1"},
		{"gwia.cfg", "--home /opt/novell/gw --mh=a.example --tc 5\n", "a.example:1"},
		{"sa.txt", "mail:postfix:relayhost = \"a.example\"\nmail:postfix:relayhost = \"b.example\"\n", "b.example:2"},
		{"sa.txt", "mail:postfix:relayhost = \"a.example\"\nmail:postfix:relayhost_enabled = no\n", ":2"},
		{"sa.txt", "mail:postfix:my = \"a.example\"\nmail:postfix:relayhost = \"[$my]\"\n", "a.example:2"},
		{"update-exim4.conf.conf", "dc_eximconfig_configtype='satellite'\ndc_smarthost='a.example'\ndc_smarthost='b.example'\n", "b.example:3"},
		{"update-exim4.conf.conf", "dc_eximconfig_configtype='internet'\ndc_smarthost='a.example'\n", ":1"},
		{"main.cf", "relayhost = a.example\ndefault_transport = smtp:[b.example]:587\n", "b.example:2"},
		{"main.cf", "relayhost = a.example\nrelayhost =\n  b.example\n", "b.example:2"},
	} {
		s, _ := read(t, inFile(t, c.name, c.content))
		if got := fmt.Sprintf("%s:%d", s.Relay.Value.Host, s.Relay.Place.Line); got != c.want {
			t.Errorf("%s %q: got %s, want %s", c.name, c.content, got, c.want)
		}
	}
}

// What can't be understood is told with the line, and what to write.
func TestFaultsTellTheLine(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"smtpsvc.txt", "SmartHost : (STRING) \"a b\"\n", "smtpsvc.txt:1: the smart host: \"a b\" is no host's name"},
		{"smtpsvc.txt", "SmartHost : (STRING) \"a\"\nRemoteSmtpPort : (INTEGER) x\n", "smtpsvc.txt:2: the port"},
		{"smtpsvc.txt", "SmartHost : (STRING) \"a\"\nSmtpRemoteProgressiveRetry : (STRING) \"1,one\"\n", "smtpsvc.txt:2: the retry intervals"},
		{"smtpsvc.txt", "SmartHost : (STRING) \"a\"\nwhat is this\n", "smtpsvc.txt:2: expected Name : (TYPE) value"},
		{"x.ldf", "dn: CN=1\nwhat is this\n", "x.ldf:2: expected attribute: value"},
		{"x.ldf", " CN=1\ndn: a\n", "x.ldf:1: \"CN=1\" continues nothing"},
		{"x.ldf", "dn: a\nmsExchSmtpSmartHost:: ???\n", "x.ldf:2: msexchsmtpsmarthost: what follows :: isn't in base64"},
		{"notes.ini", "[Notes]\nnothing\n", "notes.ini:2: expected name=value"},
		{"x.dxl", "<database>\n<document>\n</database>\n", "x.dxl:3: it isn't XML as Domino exports it"},
		{"x.dxl", "<?xml version='1.0'?>\n<document form='ServerConfig'><item name='RelayHost'><text>a b</text></item></document>", "x.dxl:2: the relay host"},
		{"c.yaml", "RelayHost: a\n  b: [\n", "c.yaml:"},
		{"c.yaml", "RelayHost: a\nInitial transfer retry interval: soon\n", "c.yaml:2: \"soon\" is no time"},
		{"gwia.cfg", "/mh-a\n/tc-five\n", "gwia.cfg:2: /tc: \"five\" is no number"},
		{"gwia.cfg", "/mh-a\nmh b\n", "gwia.cfg:2: expected a switch"},
		{"gwia.cfg", "/mh-a\n/smtpssl-maybe\n", "gwia.cfg:2: /smtpssl: \"maybe\""},
		{"sa.txt", "mail:postfix:relayhost = \"a\nmail:x = 1\n", "sa.txt:1: mail:postfix:relayhost: the quotes aren't closed"},
		{"sa.txt", "mail:postfix:relayhost = \"a\"\nhello\n", "sa.txt:2: expected mail:postfix:name = value"},
		{"sa.txt", "mail:postfix:a = \"$b\"\nmail:postfix:b = \"$a\"\n", "sa.txt:1: a: it expands to itself"},
		{"update-exim4.conf.conf", "dc_smarthost='a'\nhello\n", "conf.conf:2: expected dc_name='value'"},
		{"update-exim4.conf.conf", "dc_smarthost='a::b'\n", "conf.conf:1: dc_smarthost: \"b\" is no port"},
		{"main.cf", "relayhost = a\x00b\n", "main.cf:1: has the octet 0x00"},
		{"main.cf", "", "main.cf"},
	} {
		_, _, err := Read(inFile(t, c.name, c.content))
		if c.content == "" {
			if err != nil {
				t.Errorf("an empty %s: %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: got %v, want %s", c.name, c.content, err, c.want)
		}
	}
}

// Whom it authenticates as is told, by which password isn't.
func TestNoSecretIsShown(t *testing.T) {
	const secret = "hunter2"
	for _, files := range []map[string]string{
		{"main.cf": "relayhost = [a.example]:587\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n", "sasl_passwd": "[a.example]:587 u:hunter2\n"},
		{"main.cf": "relayhost = [a.example]:587\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:u:hunter2\n"},
		{"sendmail.mc": "define(`SMART_HOST', `a.example')\nFEATURE(`authinfo', `hash /etc/mail/authinfo')\n", "authinfo": "AuthInfo:a.example \"U:u\" \"P:hunter2\" \"M:PLAIN\"\n"},
		{"update-exim4.conf.conf": "dc_eximconfig_configtype='smarthost'\ndc_smarthost='a.example::587'\n", "passwd.client": "# host:user:password\na.example:u:hunter2\n"},
		{"gwia.cfg": "/mh-a.example\n", "gwauth.cfg": "a.example u hunter2\n"},
	} {
		dir := folder(t, files)
		s, _ := read(t, dir)
		if !s.Auth.Value || s.User.Value != "u" || s.Secret.Value != secret {
			t.Errorf("%v: %v %v", files, s.Auth, s.User)
		}
		if shows(s, secret) {
			t.Errorf("%v: the password is shown: %+v", files, s)
		}
	}
	s, _ := read(t, inFile(t, "sa.txt", "mail:postfix:relayhost = \"a.example\"\nmail:postfix:smtp_auth_relay_enabled = yes\n"+
		"mail:postfix:smtp_auth_relay_dict:smtp_auth_relay_userid = \"u\"\nmail:postfix:smtp_auth_relay_dict:smtp_auth_relay_pwd = \"hunter2\"\n"))
	if s.User.Value != "u" || s.Secret.Value != secret || shows(s, secret) {
		t.Errorf("serveradmin: %+v", s)
	}
	s, _ = read(t, inFile(t, "smtpsvc.txt", "SmartHost : (STRING) \"a.example\"\nRouteUserName : (STRING) \"u\"\nRoutePassword : (STRING) \"hunter2\"\n"))
	if s.User.Value != "u" || s.Secret.Value != secret || shows(s, secret) {
		t.Errorf("metabase: %+v", s)
	}
}

func TestUnitsOfSendmail(t *testing.T) {
	for given, want := range map[string]time.Duration{"10": 10 * time.Minute, "1h30m": 90 * time.Minute, "3600s": time.Hour, "1d": 24 * time.Hour} {
		s, _ := read(t, inFile(t, "sendmail.cf", "DSa.example\nO Timeout.datafinal="+given+"\n"))
		if s.Timeouts.DataFinal.Value != want {
			t.Errorf("%s: got %v", given, s.Timeouts.DataFinal.Value)
		}
	}
}

// Nor do faults and warnings show it.
func TestNoFaultShowsASecret(t *testing.T) {
	for _, files := range []map[string]string{
		{"main.cf": "relayhost = a\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/x/sasl_passwd\n", "sasl_passwd": "a:u:hunter2\n"},
		{"main.cf": "smtp_sasl_password_maps = static:u:hunter2\nsmtp_sasl_password_maps = static:u:hunter2x\n"},
		{"main.cf": "smtp_sasl_auth_enable = perhaps\nsmtp_sasl_password_maps = static:u:hunter2 ${\n"},
		{"sendmail.mc": "define(`SMART_HOST', `a')\nFEATURE(`authinfo')\n", "authinfo": "AuthInfo:a=\"P:hunter2\"\n"},
		{"update-exim4.conf.conf": "dc_smarthost='a'\n", "passwd.client": "a:hunter2\n"},
		{"gwia.cfg": "/mh-a\n", "gwauth.cfg": "a hunter2\n"},
		{"control/smtproutes": ":a:x u hunter2\nb u hunter2\n:a:1 u hunter2\n:b:1 u hunter2\n"},
		{"sa.txt": "mail:postfix:smtp_auth_relay_pwd = \"hunter2\nmail:postfix:smtp_auth_relay_pwd=hunter2\nmail:postfix:b_pwd = hunter2\nmail:postfix:b_pwd = x\n"},
		{"smtpsvc.txt": "SmartHost : (STRING) \"a b\"\nRoutePassword : (STRING) \"hunter2\"\nRoutePassword : (STRING) \"hunter\"\nRoutePassword (STRING) \"hunter2\"\n"},
	} {
		dir, given := folder(t, files), []string{}
		for name := range files {
			if strings.HasSuffix(name, ".txt") {
				given = append(given, dir+"/"+name)
			}
		}
		if len(given) == 0 {
			given = []string{dir}
		}
		_, warnings, err := ReadAll("", given...)
		if err == nil && len(warnings) == 0 {
			t.Errorf("%v: neither a fault nor a warning", files)
		}
		if told := fmt.Sprint(err, warnings); strings.Contains(told, "hunter2") {
			t.Errorf("%v: %s", files, told)
		}
	}
}
