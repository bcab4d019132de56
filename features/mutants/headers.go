package mutants

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/textproto"
	"strings"
	"sync"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// countingHeader is an Engine that counts the addresses of a field for a user, and refuses past 10,000.
func countingHeader(field string) func(wire.Engine) wire.Engine {
	return func(next wire.Engine) wire.Engine {
		return &headerCounter{Engine: next, field: field, counted: map[policy.Address]int{}}
	}
}

type headerCounter struct {
	wire.Engine
	field   string
	mu      sync.Mutex
	counted map[policy.Address]int
}

func (h *headerCounter) Commit(ctx context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return policy.Decision{}, err
	}
	if h.over(f.Sender, data) {
		return policy.Decision{
			Reply: policy.Reply{Code: 550, Enhanced: "5.4.5", Lines: []string{"Daily SMTP relay limit exceeded for user"}},
			Rule:  "LIM-USER-UNIQ",
		}, nil
	}
	return h.Engine.Commit(ctx, f, bytes.NewReader(data))
}

// over counts data's header addresses for sender, and tells whether they are too many.
func (h *headerCounter) over(sender policy.Address, data []byte) bool {
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(data))).ReadMIMEHeader()
	addresses := strings.Count(header.Get(h.field), "@")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counted[sender] += addresses
	return h.counted[sender] > 10_000
}
