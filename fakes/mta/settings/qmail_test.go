package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder writes files below a folder that it gives.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestQmail(t *testing.T) {
	dir := folder(t, map[string]string{
		"timeoutsmtpd":              "900\n",
		"control/me":                "mail.corp.example\n",
		"control/helohost":          "corp.example  \n",
		"control/timeoutremote":     "600\n",
		"control/concurrencyremote": "40\n",
		"control/smtproutes":        "# routes\n:smtp-relay.google.com:25\nintern.corp.example:mbx1.corp.example\n:smtp-relay.gmail.com:587\n",
	})
	for _, given := range [][]string{{dir}, {filepath.Join(dir, "control")}, {filepath.Join(dir, "control/smtproutes"), filepath.Join(dir, "control/me"),
		filepath.Join(dir, "control/helohost"), filepath.Join(dir, "control/timeoutremote"), filepath.Join(dir, "control/concurrencyremote")}} {
		s, warnings := read(t, given...)
		if s.Relay.Value != (Relay{Host: "smtp-relay.gmail.com", Port: 587}) || s.Relay.Place.Line != 4 || s.Routes["intern.corp.example"].Value.Host != "mbx1.corp.example" {
			t.Errorf("%v: routes %+v, %+v", given, s.Relay, s.Routes)
		}
		if s.Hello.Value != "corp.example" || s.Host.Value != "mail.corp.example" || s.Timeouts.Mail.Value != 10*time.Minute || s.Connections.Value != 40 {
			t.Errorf("%v: got %+v", given, s)
		}
		if s.Timeouts.Inbound.Value != 1200*time.Second || s.Timeouts.Inbound.Written() {
			t.Errorf("%v: the stray timeoutsmtpd holds: %+v", given, s.Timeouts.Inbound)
		}
		if stray := s.Others["/var/qmail/timeoutsmtpd"]; len(stray) != 1 || stray[0].Value != "900" {
			t.Errorf("%v: stray %v", given, stray)
		}
		if len(warnings) != 2 || !strings.Contains(warnings.Error(), "never reads") || !strings.Contains(warnings.Error(), "this one holds") {
			t.Errorf("%v: warnings %v", given, warnings)
		}
	}
}

func TestQmailFaults(t *testing.T) {
	for name, want := range map[string]string{
		"smtproutes:smtp-relay.gmail.com":        "smtproutes:1: \"smtp-relay.gmail.com\": expected domain:host",
		"smtproutes::smtp-relay.gmail.com:smtp2": "the port \"smtp2\" is no number",
		"smtproutes:a b:c d:9":                   "is no host's name",
		"timeoutremote:20m":                      "timeoutremote:1: timeoutremote: \"20m\" is no number",
		"timeoutconnect:99999999999":             "is too long a time",
	} {
		file, content, _ := strings.Cut(name, ":")
		if _, _, err := Read(inFile(t, "control/"+file, content+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
}

// shows tells whether a setup shows a secret anywhere but in Secret.
func shows(s *Setup, secret string) bool {
	public := *s
	public.Secret = setting{}
	return strings.Contains(fmt.Sprintf("%+v", public), secret)
}

func TestQmailSecrets(t *testing.T) {
	s, _ := read(t, inFile(t, "control/smtproutes", ":smtp-relay.gmail.com:587 u@corp.example hunter2\n"))
	if !s.Auth.Value || s.User.Value != "u@corp.example" || s.Secret.Value != "hunter2" {
		t.Errorf("got %+v", s)
	}
	if shows(s, "hunter2") {
		t.Errorf("it shows the password: %+v", s)
	}
}
