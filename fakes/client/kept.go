package client

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/relayspec/relayspec/reports/transcript"
)

// ContentCall is the verb of the call that stands for a content that is too long to be shown, or one of many, with its
// octets; squeezed where it is long.
const ContentCall = "content"

// contentCall is its body.
type contentCall struct {
	Octets  int64  `json:"octets"`
	Deflate []byte `json:"deflate,omitempty"` // RFC 1951
	Plain   []byte `json:"plain,omitempty"`
}

// maxKept bounds what a transcript keeps of a long content, squeezed. Octets.
const maxKept = 64 << 10

// kept squeezes a content for the transcript: what a judge sends is long, but repeats itself.
type kept struct {
	conn   *Conn
	octets int64
	text   bytes.Buffer
	out    *flate.Writer // nil: nothing is kept
}

func (c *Conn) newKept() *kept {
	k := &kept{conn: c}
	if c.log != nil && !c.brief {
		k.out, _ = flate.NewWriter(&k.text, flate.BestSpeed) // the level is a good one
	}
	return k
}

// Write never fails.
func (k *kept) Write(p []byte) (int, error) {
	k.octets += int64(len(p))
	if k.out != nil {
		k.out.Write(p) // a bytes.Buffer takes all
		if k.text.Len() > maxKept {
			k.out, k.text = nil, bytes.Buffer{}
		}
	}
	return len(p), nil
}

// record records how long the content is and, where it could be kept, what it is.
func (k *kept) record() {
	c := k.conn
	length := fmt.Sprintf("content of %d octets", k.octets)
	if k.out == nil || k.out.Close() != nil || k.text.Len() > maxKept {
		c.log.Note(c.name, transcript.LeftOut(length))
		return
	}
	c.log.Call(c.name, ContentCall, contentCall{Octets: k.octets, Deflate: k.text.Bytes()})
	c.log.Note(c.name, length)
}

// unsqueeze gives the content of a call, of at most maxContent octets, and no more than room is left for.
func (c contentCall) unsqueeze(room int64) ([]byte, error) {
	if c.Octets < 0 || c.Octets > maxContent {
		return nil, fmt.Errorf("a content of %d octets: want at most %d", c.Octets, maxContent)
	}
	if c.Octets > room {
		return nil, fmt.Errorf("a content of %d octets: with it all contents have more than %d MiB, which is too much to be played", c.Octets, maxContents>>20)
	}
	if c.Deflate == nil {
		if int64(len(c.Plain)) != c.Octets {
			return nil, fmt.Errorf("its plain isn't %d octets", c.Octets)
		}
		return c.Plain, nil
	}
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(c.Deflate)), c.Octets+1))
	if err != nil {
		return nil, fmt.Errorf("its deflate: %w", err)
	}
	if int64(len(data)) != c.Octets {
		return nil, fmt.Errorf("its deflate isn't %d octets", c.Octets)
	}
	return data, nil
}

// maxContent bounds a content that is replayed. Octets; some relays take messages of 50 MiB.
const maxContent = 256 << 20

// maxContents bounds all contents of a plan together, which holds them at once. Octets.
const maxContents = 512 << 20
