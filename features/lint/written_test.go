package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// What findings say to write instead is understood by the readers of the files that it is for. Exchange 2007 and 2010 aren't
// here: theirs are commands, and what is read is what those print.
func TestLinesToWriteAreUnderstood(t *testing.T) {
	const ldif = "dn: CN=Mail,CN=Connections\nchangetype: add\nobjectClass: msExchRoutingSMTPConnector\ncn: Mail\nroutingList: SMTP:*;1\n"
	for _, c := range []struct {
		server, write, file, before string
		port                        int
		tls                         bool
	}{
		{"postfix", "relay", "main.cf", "", 25, false},
		{"postfix", "port587", "main.cf", "", 587, true},
		{"sendmail", "relay", "sendmail.mc", "OSTYPE(`linux')dnl\n", 25, false},
		{"sendmail", "relay.cf", "sendmail.cf", "V10/Berkeley\nDjmail.corp.example\n", 25, false},
		{"domino", "relay", "configuration.yaml", "form: Configuration\n", 25, false},
		{"domino", "port587", "configuration.yaml", "form: Configuration\nRelay host for messages leaving the local internet domain: smtp-relay.gmail.com\n", 587, true},
		{"osx", "relay", "serveradmin.txt", "", 25, false},
		{"groupwise", "relay", "gwia.cfg", "", 25, false},
		{"qmail", "relay", "smtproutes", "", 25, false},
		{"exchange-2003", "relay.ldf", "connector.ldf", ldif, 25, false},
	} {
		t.Run(c.server+"-"+c.write, func(t *testing.T) {
			recipe, err := load(c.server)
			if err != nil {
				t.Fatal(err)
			}
			line := strings.TrimRight(recipe.Write[c.write], "\n")
			if line == "" {
				t.Fatalf("the recipe has nothing for %s", c.write)
			}
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(c.before+line+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			setup, faults, err := settings.ReadAs(c.server, file)
			if err != nil || len(faults) > 0 {
				t.Fatalf("%q isn't read: %v %v", line, err, faults)
			}
			if got := setup.Relay.Value; got.Host != "smtp-relay.gmail.com" || max(got.Port, 25) != c.port {
				t.Errorf("%q is read as %s, port %d", line, got.Host, got.Port)
			}
			if encrypts := setup.TLS.Value == settings.RequiredTLS; encrypts != c.tls {
				t.Errorf("%q is read as TLS: %s", line, setup.TLS.Value)
			}
			for _, f := range (Options{RequireTLS: c.tls}).Check(setup) {
				if f.Rule == "PORT-587-TLS" && f.Level == reports.Must {
					t.Errorf("%q is told of: %s", line, f.Text)
				}
			}
		})
	}
}
