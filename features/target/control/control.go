// Package control drives a relay over HTTP: by the API that simulator/control/openapi.yaml describes, with the client that
// is generated from it. Any relay may serve its first five paths.
//
//	GET  /v1/target                  what the relay is
//	PUT  /v1/world                   what isn't named is gone afterwards
//	POST /v1/customers/{id}/reset
//	PUT  /v1/usage
//	GET  /v1/clock, POST /v1/clock/advance
//
// 501 is the answer for a verb that the relay doesn't have, 404 for one that nobody knows. Start with New.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/control/api"
)

// Options say where a relay is steered. URL must be given.
type Options struct {
	URL     string        // http://host:port, without /v1
	Token   string        // empty: none is shown
	Timeout time.Duration // how long a verb may take, and all of an advance of the clock; 0: 30 s
}

// Driver steers a relay over HTTP.
type Driver struct {
	options Options
	client  *api.Client
	http    *http.Client
}

var _ target.Driver = (*Driver)(nil)

// reset is the verb whose path names a customer: 404 says there that the customer is unknown, not the verb.
const reset = "reset"

// maxAnswer bounds an answer, in octets.
const maxAnswer = 1 << 20

// New makes a driver. Nothing is asked yet.
func New(o Options) (*Driver, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	d := &Driver{options: o, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}, // no proxy of the environment's
		CheckRedirect: func(to *http.Request, _ []*http.Request) error {
			return fmt.Errorf("it sends to %s: the token isn't shown there; write the address that answers itself", to.URL.Redacted())
		},
	}}
	client, err := api.NewClient(o.URL, api.WithHTTPClient(d.http), api.WithRequestEditorFn(d.showToken))
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", o.URL, err)
	}
	d.client = client
	return d, nil
}

func (d *Driver) showToken(_ context.Context, r *http.Request) error {
	if d.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+d.options.Token)
	}
	return nil
}

// Introduce implements target.Driver.
func (d *Driver) Introduce(ctx context.Context) (said target.Introduction, err error) {
	err = d.ask(ctx, "target", &said, func(ctx context.Context) (*http.Response, error) { return d.client.GetTarget(ctx) })
	return said, err
}

// Challenge implements target.Driver.
func (d *Driver) Challenge(ctx context.Context, verb string) error {
	return d.ask(ctx, verb, nil, func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(d.options.URL, "/")+"/v1/"+url.PathEscape(verb), nil)
		if err != nil {
			return nil, err
		}
		if err := d.showToken(ctx, r); err != nil {
			return nil, err
		}
		return d.http.Do(r)
	})
}

// Apply implements target.Applier.
func (d *Driver) Apply(ctx context.Context, w target.World) error {
	return d.put(ctx, "world", w, d.client.PutWorldWithBody)
}

// Reset implements target.Resetter.
func (d *Driver) Reset(ctx context.Context, customer string) error {
	return d.ask(ctx, reset, nil, func(ctx context.Context) (*http.Response, error) { return d.client.ResetCustomer(ctx, customer) })
}

// SetUsage implements target.UsageSetter.
func (d *Driver) SetUsage(ctx context.Context, u target.Usage) error {
	return d.put(ctx, "usage", u, d.client.PutUsageWithBody)
}

// put sends what has the form of the contract already.
func (d *Driver) put(ctx context.Context, verb string, what any, send func(context.Context, string, io.Reader, ...api.RequestEditorFn) (*http.Response, error)) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("write %s: %w", verb, err)
	}
	return d.ask(ctx, verb, nil, func(ctx context.Context) (*http.Response, error) {
		return send(ctx, "application/json", bytes.NewReader(body))
	})
}

// Now implements target.Clock.
func (d *Driver) Now(ctx context.Context) (time.Time, error) {
	now, err := d.read(ctx)
	return now.Now, err
}

func (d *Driver) read(ctx context.Context) (now api.Clock, err error) {
	err = d.ask(ctx, "clock", &now, func(ctx context.Context) (*http.Response, error) { return d.client.GetClock(ctx) })
	if err == nil && now.Now.IsZero() {
		err = errors.New("the driver's answer to clock has no now")
	}
	return now, err
}

// pollEvery is how often a clock is looked at that is being moved.
const pollEvery = 10 * time.Millisecond

// Advance implements target.Clock: it waits until the clock isn't advancing any more.
func (d *Driver) Advance(ctx context.Context, by time.Duration) error {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	var now api.Clock
	err := d.ask(ctx, "clock/advance", &now, func(ctx context.Context) (*http.Response, error) {
		return d.client.AdvanceClock(ctx, api.Advance{Seconds: by.Seconds()})
	})
	for began := now.Now; err == nil && now.Advancing; {
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
			now, err = d.read(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the driver, asked to move the clock by %s, says that it is advancing and comes to no end: %w", by, context.Cause(ctx))
		case err == nil && now.Now.Before(began):
			return fmt.Errorf("the driver's clock went backwards, from %s to %s", began.Format(time.RFC3339Nano), now.Now.Format(time.RFC3339Nano))
		}
	}
	return err
}

// limited is ctx with the bound of one verb.
func (d *Driver) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d.options.Timeout, fmt.Errorf("no answer within %s", d.options.Timeout))
}

// ask sends one request. into gets the answer; nil: it says nothing.
func (d *Driver) ask(ctx context.Context, verb string, into any, send func(context.Context) (*http.Response, error)) error {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	answer, err := send(ctx)
	var body []byte
	if err == nil {
		defer answer.Body.Close()
		body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("the driver, asked for %s at %s: %w", verb, d.options.URL, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("the driver, asked for %s: %w", verb, err)
	case len(body) > maxAnswer:
		return fmt.Errorf("the driver answers %s with more than %d octets", verb, maxAnswer)
	}
	return understand(verb, answer, body, into)
}

// understand takes an answer for what the contract says that it means.
func understand(verb string, answer *http.Response, body []byte, into any) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	switch code := answer.StatusCode; {
	case code == http.StatusNotImplemented, code == http.StatusNotFound && kind == "application/problem+json" && verb != reset:
		return target.ErrUnsupported
	case code == http.StatusUnauthorized:
		return fmt.Errorf("the driver refuses the token at %s: %s; write the token that the relay was given in control.token", verb, reason(kind, body))
	case code < 200 || code > 299:
		return fmt.Errorf("the driver failed at %s: %s: %s", verb, answer.Status, reason(kind, body))
	case into == nil:
		return nil
	case kind != "application/json":
		return fmt.Errorf("the driver answers %s with %q, not with application/json: %s", verb, kind, beginning(body))
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the driver's answer to %s isn't the JSON object that it should be: %w: %s", verb, err, beginning(body))
	}
	return nil
}

// reason is what a refusal says of itself.
func reason(kind string, body []byte) string {
	var p api.Problem
	if kind != "application/problem+json" || json.Unmarshal(body, &p) != nil {
		return beginning(body)
	}
	words := strings.TrimSuffix(p.Title+": "+p.Detail, ": ")
	for _, fault := range p.Errors {
		words += fmt.Sprintf("; %s: %s", fault.Pointer, fault.Detail)
	}
	return words
}

// beginning gives the first words of a body, on one line.
func beginning(body []byte) string {
	const most = 80
	words := strings.Join(strings.Fields(string(body[:min(len(body), 4*most)])), " ")
	if len(words) > most {
		words = words[:most] + "..."
	}
	return fmt.Sprintf("%q", words)
}
