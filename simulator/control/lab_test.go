package control_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/features/target/control/api"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/control"
	"github.com/relayspec/relayspec/simulator/faults"
)

// noon is where the clock of a lab stands.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// secret is the token of a lab.
const secret = "the-token"

// patience bounds every wait of a test.
const patience = 30 * time.Second

// lab is a relay with its API, and the client that is generated from its document.
type lab struct {
	*api.ClientWithResponses
	server  *control.Server
	url     string
	address string // of port 25
	clock   *clock.Clock
	sink    *mx.Sink
	check   *checked
}

// newLab starts a relay that stands at noon. change sees the options before they are used.
func newLab(change ...func(*control.Options)) *lab {
	GinkgoHelper()
	service, err := services.Load(services.Default, nil)
	Expect(err).NotTo(HaveOccurred())
	nobody, err := directory.New(nil, nil)
	Expect(err).NotTo(HaveOccurred())
	l := &lab{clock: clock.New(noon)}
	box := mailbox.Memory(100)
	o := control.Options{
		Service: service, Directory: nobody, Ledger: ledger.New(ledger.Options{}), Clock: l.clock, Token: secret,
		Box: box, Faults: faults.New(l.clock.Now), Version: "test",
	}
	for _, c := range change {
		c(&o)
	}
	l.server, err = control.New(o)
	Expect(err).NotTo(HaveOccurred())
	l.sink, err = mx.Start(mx.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.sink.Close)
	l.start(service, nobody, box)
	served := httptest.NewServer(l.server)
	DeferCleanup(served.Close)
	DeferCleanup(l.server.Close) // before: it ends the streams
	l.url = served.URL
	l.check = &checked{http.DefaultTransport}
	l.ClientWithResponses, err = api.NewClientWithResponses(l.url, api.WithHTTPClient(&http.Client{Transport: l.check}), api.WithRequestEditorFn(showToken))
	Expect(err).NotTo(HaveOccurred())
	return l
}

// start starts the relay, whose next hop is the sink.
func (l *lab) start(service *policy.Service, nobody *directory.Directory, box *mailbox.Box) {
	GinkgoHelper()
	hop, err := reference.NewForwarder(delivery.NextHop{Address: l.sink.Address(), Hello: "relay.acme.example"}, l.clock.Now, l.server.Attempt)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(hop.Close)
	l.clock.Attach(hop)
	certificate, err := reference.SelfMade("", "127.0.0.1")
	Expect(err).NotTo(HaveOccurred())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	l.address = listener.Addr().String()
	o := reference.Options{
		Service: service, Directory: nobody, Keeper: box, TLS: certificate.TLS,
		Listeners: map[policy.Role][]net.Listener{policy.Port25: {listener}},
		Accepted: func(id string, e mailbox.Envelope) {
			_ = hop.Add(delivery.Message{
				ID: id, Envelope: delivery.Envelope{Sender: e.Sender, Recipients: e.Recipients}, Received: e.Received,
				Open: func() (io.ReadCloser, error) { _, r, err := box.Get(id); return r, err },
			})
		},
	}
	l.server.Join(&o)
	relay, err := reference.Start(o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(relay.Close)
	l.server.Steer(relay, map[policy.Role]string{policy.Port25: l.address})
}

func showToken(_ context.Context, r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+secret)
	return nil
}

// acme is a customer with one licence: 130 recipients a day, 9 in 10 minutes.
func acme() api.World {
	return api.World{Customers: []api.Customer{{
		Id: "acme", Licences: 1, Domains: []string{"acme.example"},
		Users:    []api.User{{Address: "anna@acme.example", Password: "secret"}},
		Settings: []api.Setting{{Description: "all", Senders: api.SettingSendersMyDomains, ByAddress: true, Addresses: []api.AddressEntry{{Range: "127.0.0.1"}}}},
	}}}
}

// populated is a lab in whose world acme is.
func populated(change ...func(*control.Options)) *lab {
	GinkgoHelper()
	l := newLab(change...)
	done, err := l.PutWorldWithResponse(context.Background(), acme())
	Expect(err).NotTo(HaveOccurred())
	Expect(done.StatusCode()).To(Equal(http.StatusNoContent), string(done.Body))
	return l
}

// dial opens a session and says EHLO.
func (l *lab) dial() *client.Conn {
	GinkgoHelper()
	d := &client.Dialer{Address: l.address, Timeout: patience, TLS: &tls.Config{InsecureSkipVerify: true}} // it is self-made
	conn, err := d.Dial(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(conn.Close)
	_, err = conn.ReadReply()
	Expect(err).NotTo(HaveOccurred())
	_, err = conn.Hello("mta.elsewhere.example")
	Expect(err).NotTo(HaveOccurred())
	return conn
}

// send sends one message in a session of its own, and gives the reply that decided.
func (l *lab) send(sender, text string, recipients ...string) client.Reply {
	GinkgoHelper()
	conn := l.dial()
	o, err := conn.Send(client.Message{Sender: sender, Recipients: recipients, Data: []byte("Subject: x\r\n\r\n" + text + "\r\n")}, client.Lockstep)
	Expect(err).NotTo(HaveOccurred())
	_, _ = conn.Quit() // where a fault has closed it nobody is there
	return o.Reply
}

// raw sends a request as it is, and gives the answer's status and body.
func (l *lab) raw(method, path, body string, header ...string) (*http.Response, string) {
	GinkgoHelper()
	r, err := http.NewRequest(method, l.url+path, bytes.NewBufferString(body))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := (&http.Client{Transport: l.check}).Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer, string(text)
}

// checked holds what goes over it to the document: each answer, and each request that was answered well.
type checked struct {
	http.RoundTripper
}

// documented is the document as a router, which every lab of the suite shares.
var documented routers.Router

var _ = BeforeSuite(func() {
	document, err := openapi3.NewLoader().LoadFromData(control.Document())
	Expect(err).NotTo(HaveOccurred())
	Expect(document.IsOpenAPI31OrLater()).To(BeTrue())
	document.Servers = nil // a lab has a port of its own
	documented, err = legacy.NewRouter(document)
	Expect(err).NotTo(HaveOccurred(), "it validates the document")
})

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	defer GinkgoRecover()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	again := func() io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
	r.Body = again()
	answer, err := c.RoundTripper.RoundTrip(r)
	route, parameters, unknown := documented.FindRoute(r)
	if err == nil && unknown != nil {
		Expect(answer.StatusCode).To(BeElementOf(http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnauthorized), "%s %s isn't in the document", r.Method, r.URL)
	}
	if err != nil || unknown != nil || answer.Header.Get("Content-Type") == "text/event-stream" {
		return answer, err
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	r.Body = again()
	asked := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	told := &openapi3filter.ResponseValidationInput{RequestValidationInput: asked, Status: answer.StatusCode, Header: answer.Header, Options: asked.Options}
	told.SetBodyBytes(text)
	Expect(openapi3filter.ValidateResponse(r.Context(), told)).To(Succeed(), "%s %s answered %d: %s", r.Method, r.URL, answer.StatusCode, text)
	if answer.StatusCode < http.StatusMultipleChoices {
		Expect(openapi3filter.ValidateRequest(r.Context(), asked)).To(Succeed(), "%s %s: %s", r.Method, r.URL, body)
	}
	return answer, err
}
