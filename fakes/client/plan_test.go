package client

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlanInTranscriptOut(t *testing.T) {
	d := scripted(t, `
		S: 220 ready
		C: EHLO x
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go
		TLS
		C: AUTH PLAIN AGEAYg==
		S: 535 5.7.8 no
		C: AUTH LOGIN
		S: 504 5.7.4 what
		C: NOOP
		S: 250 OK
		C: MAIL FROM:<a@x>
		C: RCPT TO:<b@y>
		C: DATA
		S: 550 no
		S: 503 no
		S: 503 no
		EOF`)
	d.Name = "one"
	log, err := Run(context.Background(), d, Plan{
		{Do: DoReadReply},
		{Do: DoCommand, Text: "EHLO x"},
		{Do: DoStartTLS},
		{Do: DoAuth, Mechanism: "PLAIN", User: "a", Password: "b"},
		{Do: DoAuth, Mechanism: "LOGIN", User: "a", Password: "b"},
		{Do: DoRaw, Text: "NOOP\r\n"},
		{Do: DoReadReply},
		{Do: DoMessage, Message: fromSender("a@x"), Mode: Pipelined},
		{Do: DoDrop},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := lines(`
		[one] S: 220 ready
		[one] C: EHLO x
		[one] S: 250 STARTTLS
		[one] C: STARTTLS
		[one] S: 220 go
		[one] #: TLS established: TLS 1.3 TLS_AES_128_GCM_SHA256
		[one] C: AUTH PLAIN [redacted]
		[one] S: 535 5.7.8 no
		[one] C: AUTH LOGIN
		[one] S: 504 5.7.4 what
		[one] R: "NOOP\r\n"
		[one] S: 250 OK
		[one] C: MAIL FROM:<a@x>
		[one] C: RCPT TO:<b@y>
		[one] C: DATA
		[one] S: 550 no
		[one] S: 503 no
		[one] S: 503 no
		[one] X: by the client, without a word`)
	got := strings.ReplaceAll(said(log), "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
	got = strings.TrimPrefix(got, "[one] #: connected to "+d.Address+"\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("transcript (-want +got):\n%s", diff)
	}
}

func TestPlanThatFails(t *testing.T) {
	tests := []struct {
		name, script string
		plan         Plan
		want         string
	}{
		{"the relay closes", "S: 220 ready", Plan{{Do: DoReadReply}, {Do: DoReadReply}}, "step 2, read-reply: "},
		{"unknown action", "S: 220 ready", Plan{{Do: DoReadReply}, {Do: "dance"}}, `unknown action "dance"`},
		{"unknown mechanism", "S: 220 ready", Plan{{Do: DoReadReply}, {Do: DoAuth, Mechanism: "X"}}, `mechanism "X"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log, err := Run(context.Background(), scripted(t, tt.script), tt.plan)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if !strings.Contains(said(log), "S: 220 ready\n") {
				t.Errorf("transcript\n%s", said(log))
			}
		})
	}
}

func TestPlanIsGivenUp(t *testing.T) {
	d := scripted(t, `
		S: 220 ready
		C: MAIL FROM:<>
		S: 250 ok
		C: DATA
		S: 354 go
		EOF`)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	_, err := Run(ctx, d, Plan{{Do: DoReadReply}, {Do: DoMessage, Message: Message{
		Write: func(io.Writer) error { cancel(enough); return ctx.Err() },
	}}})
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want the context's cause", err)
	}
}
