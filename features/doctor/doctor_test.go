package doctor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// relay is go-smtp's server, ill as a test wants it. It keeps what it takes, for a sink.
type relay struct {
	certificate *tls.Certificate // nil: no TLS
	password    string           // "": no AUTH
	clearAuth   bool
	wantsAUTH   bool   // it takes mail only of who has authenticated
	wantsTLS    bool   // it takes mail only in TLS
	old         bool   // it knows TLS 1.1 at best
	refuses     string // a command: MAIL or RCPT
	loses       bool   // nothing arrives at the sink
	ahead       time.Duration

	proven atomic.Bool // somebody has authenticated
	mu     sync.Mutex
	kept   [][]byte
}

func (r *relay) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{relay: r, conn: c}, nil
}

// Delivered implements target.Deliveries.
func (r *relay) Delivered(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []target.Message
	for _, data := range r.kept {
		if bytes.Contains(data, []byte(token)) {
			found = append(found, target.Message{Data: data})
		}
	}
	return found, nil
}

type session struct {
	*relay
	conn          *smtp.Conn
	authenticated bool
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string {
	if s.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		if password != s.password {
			return errors.New("no")
		}
		s.authenticated = true
		s.proven.Store(true)
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error { return s.refusal("MAIL") }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.refusal("RCPT") }

func (s *session) refusal(command string) error {
	if _, encrypted := s.conn.TLSConnectionState(); s.wantsTLS && !encrypted || s.wantsAUTH && !s.authenticated {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "something else first"}
	}
	if s.refuses == command {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not for you"}
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loses {
		stamp := "Received: from a by b; " + time.Now().Add(s.ahead).Format(time.RFC1123Z) + "\r\n"
		s.kept = append(s.kept, append([]byte(stamp), data...))
	}
	return err
}

// serve starts r, on a port of the loopback.
func (r *relay) serve(t *testing.T, implicit bool) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(r)
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "ill.example", r.clearAuth, log.New(io.Discard, "", 0)
	address := listener.Addr().String()
	if r.certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*r.certificate}}
		if r.old {
			server.TLSConfig.MinVersion, server.TLSConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}
		if implicit {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(listener) }()
	t.Cleanup(func() { listener.Close(); server.Close(); <-served }) // Serve may not have begun
	return address
}

// certified makes a certificate for names, good from notBefore to notAfter; rsaBits 0 is ECDSA. It signs itself.
func certified(t *testing.T, notBefore, notAfter time.Time, rsaBits int, names ...string) *tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ill"}, NotBefore: notBefore, NotAfter: notAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var signer any = curve
	var public any = curve.Public()
	if rsaBits > 0 {
		small, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			t.Fatal(err)
		}
		signer, public = small, small.Public()
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer}
}

// good is a certificate without fault, but that it signs itself.
func good(t *testing.T) *tls.Certificate {
	return certified(t, time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour), 0, "127.0.0.1")
}

// lenientDialer trusts every certificate, as a profile on the loopback does.
func lenientDialer(address string) *client.Dialer {
	return &client.Dialer{Address: address, Timeout: 2 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true}}
}

// patientOf is r at address, as role.
func patientOf(r *relay, role target.Role, address string) *Patient {
	d := lenientDialer(address)
	d.ImplicitTLS = role == target.Port465
	return &Patient{
		Dialers: map[target.Role]*client.Dialer{role: d}, Deliveries: r, Sink: "127.0.0.1:99", Wait: 100 * time.Millisecond,
		Roles: target.Roles{Sender: "app@corp.example", Recipients: []string{"*@example.net"}, User: target.User{Address: "app@corp.example", Password: "right"}},
	}
}

// check finds a check by its name.
func check(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("nothing is said of %s: %+v", name, checks)
	return Check{}
}

func TestAHealthyRelay(t *testing.T) {
	for _, role := range []target.Role{target.Port587, target.Port465} {
		r := &relay{certificate: good(t), password: "right"}
		p := patientOf(r, role, r.serve(t, role == target.Port465))
		p.Roots = x509.NewCertPool()
		leaf, err := x509.ParseCertificate(r.certificate.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		p.Roots.AddCert(leaf)
		for _, c := range Examine(context.Background(), p) {
			if c.State != OK || c.Found == "" || c.Todo != "" {
				t.Errorf("port %d: %+v", role, c)
			}
		}
	}
}

func TestWhatIsIll(t *testing.T) {
	now, day := time.Now(), 24*time.Hour
	tests := []struct {
		name  string
		relay *relay
		check string
		state State
		found string
		todo  string
	}{
		{"expired", &relay{certificate: certified(t, now.Add(-90*day), now.Add(-3*day), 0, "127.0.0.1")}, "certificate dates", Failure, "it expired on", "Renew"},
		{"not yet valid", &relay{certificate: certified(t, now.Add(day), now.Add(90*day), 0, "127.0.0.1")}, "certificate dates", Failure, "isn't valid before", "clock"},
		{"expires soon", &relay{certificate: certified(t, now.Add(-day), now.Add(10*day), 0, "127.0.0.1")}, "certificate dates", Warning, "it expires on", "Renew"},
		{"another name", &relay{certificate: certified(t, now.Add(-day), now.Add(90*day), 0, "other.example")}, "certificate name", Warning, "isn't for 127.0.0.1", "server-name"},
		{"signed by itself", &relay{certificate: good(t)}, "certificate chain", Warning, "signed by itself", "ca: FILE"},
		{"a small key", &relay{certificate: certified(t, now.Add(-day), now.Add(90*day), 1024, "127.0.0.1")}, "certificate strength", Failure, "RSA of 1024 bits", "2048"},
		{"no STARTTLS", &relay{}, "STARTTLS", Failure, "isn't offered", "certificate"},
		{"AUTH in clear", &relay{certificate: good(t), password: "right", clearAuth: true}, "AUTH in clear", Warning, "PLAIN", "in TLS only"},
		{"no AUTH", &relay{certificate: good(t)}, "AUTH", Failure, "no mechanism", "roles.user"},
		{"a wrong password", &relay{certificate: good(t), password: "another"}, "credentials", Failure, "app@corp.example is refused", "roles.user"},
		{"refuses the sender", &relay{certificate: good(t), password: "right", refuses: "MAIL"}, "envelope", Failure, "MAIL FROM:<app@corp.example> is refused: 550 5.7.1", "roles.sender"},
		{"refuses the recipient", &relay{certificate: good(t), password: "right", refuses: "RCPT"}, "envelope", Failure, "RCPT TO:<doctor@example.net> is refused", "roles.recipients"},
		{"loses mail", &relay{certificate: good(t), password: "right", loses: true}, "sink", Failure, "didn't arrive at 127.0.0.1:99", "{sink}"},
		{"a clock that is ahead", &relay{certificate: good(t), password: "right", ahead: 25*time.Hour + time.Minute}, "clock", Failure, "off by 25h", "NTP"},
		{"a clock that is a little ahead", &relay{certificate: good(t), password: "right", ahead: 10*time.Minute + 30*time.Second}, "clock", Warning, "off by 10m", "NTP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checks := Examine(context.Background(), patientOf(tt.relay, target.Port587, tt.relay.serve(t, false)))
			c := check(t, checks, tt.check)
			if c.State != tt.state || !strings.Contains(c.Found, tt.found) || !strings.Contains(c.Todo, tt.todo) {
				t.Errorf("got %+v", c)
			}
			if tt.state == Failure && Healthy(checks) {
				t.Error("it is called healthy")
			}
		})
	}
}

func TestARelayThatWantsAUTHGetsTheMessageBehindIt(t *testing.T) {
	for _, role := range []target.Role{target.Port587, target.Port465} {
		r := &relay{certificate: good(t), password: "right", wantsAUTH: true}
		p := patientOf(r, role, r.serve(t, role == target.Port465))
		for authenticate, want := range map[bool]State{true: OK, false: Failure} {
			p.Roles.Authenticate = authenticate
			c := check(t, Examine(context.Background(), p), "message")
			if c.State != want || want == Failure && !strings.Contains(c.Todo, "roles: {authenticate: true} with roles.user") {
				t.Errorf("port %d, authenticate %t: %+v", role, authenticate, c)
			}
		}
	}
}

func TestTheMessageGoesInTLSAsItsEnvelopeDid(t *testing.T) {
	for name, r := range map[string]*relay{
		"TLS only": {certificate: good(t), wantsTLS: true, password: "right"},
		"old TLS":  {certificate: good(t), wantsTLS: true, old: true, password: "right"},
	} {
		checks := Examine(context.Background(), patientOf(r, target.Port587, r.serve(t, false)))
		for _, what := range []string{"envelope", "message", "sink"} {
			if c := check(t, checks, what); c.State != OK {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestWhatARelayWantsBeforeMail(t *testing.T) {
	for name, c := range map[string]struct {
		relay        *relay
		authenticate bool
		todo         string
	}{
		"AUTH, and nobody is named": {&relay{certificate: good(t), wantsAUTH: true}, false, "roles: {authenticate: true} with roles.user"},
		"TLS, which isn't offered":  {&relay{wantsTLS: true}, false, "have it offer STARTTLS"},
		"AUTH, with a bad password": {&relay{certificate: good(t), wantsAUTH: true, password: "another"}, true, "said of these above"},
	} {
		p := patientOf(c.relay, target.Port587, c.relay.serve(t, false))
		p.Roles.Authenticate = c.authenticate
		if !c.authenticate {
			p.Roles.User = target.User{}
		}
		if got := check(t, Examine(context.Background(), p), "envelope"); got.State != Failure || !strings.Contains(got.Todo, c.todo) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWithoutRolesNoMessageIsSentAndNothingIsToMend(t *testing.T) {
	r := &relay{certificate: good(t)}
	p := patientOf(r, target.Port587, r.serve(t, false))
	p.Roles = target.Roles{}
	if c := check(t, Examine(context.Background(), p), "sink"); c.State != Skipped || !strings.Contains(c.Todo, "roles:") {
		t.Errorf("got %+v", c)
	}
}

// listening is a port of the loopback whose connections go to serve.
func listening(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer conn.Close(); serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); all.Wait() })
	return listener.Addr().String()
}

func TestWhatIsNoRelay(t *testing.T) {
	closed := listening(t, func(net.Conn) {})
	gone, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	says := func(text string) string {
		return listening(t, func(c net.Conn) { io.WriteString(c, text); io.Copy(io.Discard, c) })
	}
	tests := []struct {
		name, address string
		role          target.Role
		check         string
		found, todo   string
	}{
		{"a closed port", gone.Addr().String(), target.Port25, "connect", "nobody listens", "Start the relay"},
		{"no address", "nowhere", target.Port25, "address", "missing port", "host:port"},
		{"a name that nobody has", "no.such.invalid:25", target.Port25, "name", "no.such.invalid", "record"},
		{"one that closes", closed, target.Port25, "greeting", "without a greeting", "SMTP relay"},
		{"one that speaks HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), target.Port25, "greeting", "speaks HTTP", "SMTP relay"},
		{"one that turns away", says("554 5.3.2 no\r\n"), target.Port25, "greeting", "554 5.3.2", "its log"},
		{"one that is silent", listening(t, func(c net.Conn) { io.Copy(io.Discard, c) }), target.Port25, "greeting", "doesn't answer", "SMTP relay"},
		{"clear text where TLS should be", says("220 hello\r\n"), target.Port465, "TLS", "clear text", "25 or 587"},
		{"TLS where clear text should be", (&relay{certificate: good(t)}).serve(t, true), target.Port587, "greeting", "doesn't answer", "port 465"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := patientOf(&relay{}, tt.role, tt.address)
			p.Dialers[tt.role].Timeout = time.Second
			began := time.Now()
			checks := Examine(context.Background(), p)
			c := check(t, checks, tt.check)
			if c.State != Failure || !strings.Contains(c.Found, tt.found) || !strings.Contains(c.Todo, tt.todo) || Healthy(checks) {
				t.Errorf("got %+v", c)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAPasswordIsNotSaidInClearToAnotherMachine(t *testing.T) {
	if loopback("192.0.2.1:25") || !loopback("127.9.9.9:25") || !loopback("[::1]:25") || !loopback("LocalHost:25") || loopback("nowhere") {
		t.Error("another machine is taken for this one, or the other way round")
	}
}

func TestAMessageToAnotherMachineShowsNoPasswordInClear(t *testing.T) {
	r := &relay{password: "right", clearAuth: true}
	address := r.serve(t, false)
	_, port, _ := net.SplitHostPort(address)
	for host, sent := range map[string]bool{"127.0.0.1": true, "0.0.0.0": false} { // whichever machine that is: it leads to this one
		p := patientOf(r, target.Port25, net.JoinHostPort(host, port))
		p.Roles.Authenticate = true
		r.proven.Store(false)
		if c := check(t, Examine(context.Background(), p), "message"); c.State != OK || r.proven.Load() != sent {
			t.Errorf("%s: the password was sent: %t; %+v", host, r.proven.Load(), c)
		}
	}
}

func TestTheDoctorLeavesInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := &relay{}
	checks := Examine(ctx, patientOf(r, target.Port25, r.serve(t, false)))
	if len(checks) > 1 {
		t.Errorf("got %+v", checks)
	}
}
