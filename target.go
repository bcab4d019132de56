package main

import (
	"context"
	"io"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
)

// openEmbedded starts one more of the relay that comes with this program, on ports of its own.
func openEmbedded(ctx context.Context) (target.Target, io.Closer, error) { return embedded.Open(ctx) }
