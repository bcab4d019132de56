package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// received is what became of the octets that came after 354.
type received struct {
	Message string // empty unless Err is nil
	Err     string
	Rest    string // what came behind the end
}

// receiveAll reads data as a message, cut into chunks, with reads of size octets; 0: by WriteTo.
func receiveAll(data, cuts []byte, size int, limit int64) received {
	pools := newPools()
	conn := playing(data, cuts)
	in := &stream{conn: conn, pools: &pools, lent: pools.small.Get().(*[]byte), idle: func() bool { return false }}
	var d dotReader
	d.begin(in, &Config{MaxSize: limit, MaxHops: 1000})
	message, got := readMessage(&d, size)
	err := d.drain()
	r := received{Message: string(message)}
	if err != nil {
		r.Err, r.Message = err.Error(), ""
	}
	if (err == nil) != (got == io.EOF) {
		r.Err = "Read says " + got.Error() + ", drain says " + r.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return r
	}
	r.Rest = string(in.pending())
	for in.r = in.w; in.fill() == nil; in.r = in.w {
		r.Rest += string(in.pending())
	}
	return r
}

// readMessage reads until d says why there is no more.
func readMessage(d *dotReader, size int) (message []byte, err error) {
	if size == 0 {
		var b bytes.Buffer
		if _, err = d.WriteTo(&b); err == nil {
			err = io.EOF // as Read says it
		}
		return b.Bytes(), err
	}
	for p := make([]byte, size); err == nil; {
		var n int
		n, err = d.Read(p)
		message = append(message, p[:n]...)
	}
	return message, err
}

// naive is receiveAll in the most obvious way.
func naive(data []byte, limit int64) received {
	var raw, rest []byte
	if after, ok := bytes.CutPrefix(data, []byte(".\r\n")); ok {
		rest = after
	} else if i := bytes.Index(data, []byte("\r\n.\r\n")); i >= 0 {
		raw, rest = data[:i+2], data[i+5:]
	} else {
		return received{Err: io.ErrUnexpectedEOF.Error()}
	}
	lines := bytes.SplitAfter(raw, []byte("\r\n"))
	var message []byte
	for _, line := range lines {
		message = append(message, bytes.TrimPrefix(line, []byte{'.'})...)
	}
	bare := bytes.ReplaceAll(raw, []byte("\r\n"), nil)
	switch {
	case bytes.ContainsAny(bare, "\r\n\x00"):
		return received{Err: ErrMalformed.Error(), Rest: string(rest)}
	case limit > 0 && int64(len(message)) > limit:
		return received{Err: ErrTooBig.Error(), Rest: string(rest)}
	}
	return received{Message: string(message), Rest: string(rest)}
}

// stuff is what a client does to a message before it sends it.
func stuff(message []byte) []byte {
	var out []byte
	for line := range bytes.SplitAfterSeq(message, []byte("\r\n")) {
		if bytes.HasPrefix(line, []byte{'.'}) {
			out = append(out, '.')
		}
		out = append(out, line...)
	}
	return append(out, ".\r\n"...)
}

// Any message arrives as it was, however it is cut.
func TestMessageArrivesIdentical(t *testing.T) {
	line := rapid.StringMatching(`\.{0,3}[a-z.]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		var message []byte
		for _, l := range rapid.SliceOf(line).Draw(t, "lines") {
			message = append(message, l+"\r\n"...)
		}
		cuts := rapid.SliceOf(rapid.ByteMax(12)).Draw(t, "cuts")
		size := rapid.IntRange(0, 40).Draw(t, "read")
		want := received{Message: string(message), Rest: "QUIT\r\n"}
		got := receiveAll(append(stuff(message), want.Rest...), cuts, size, 0)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Every border at once: each pair of cuts in a message that has everything.
func TestMessageAtEveryBorder(t *testing.T) {
	for _, data := range []string{
		"..a\r\n.\x2e\r\n\r\n....\r\nb.\r\n.\r\nNOOP\r\n",
		".\r\nNOOP\r\n",
		"a\r\n.\r\r\n.\r\nNOOP\r\n",
		"a\n.\r\n\r\n.\r\nNOOP\r\n",
		"a\r\r\n.\r\nNOOP\r\n",
		"a\r\n.\rb\r\n.\r\n",
		"\x00\r\n.\r\n",
		".\rx\n.\r\n",
	} {
		want := naive([]byte(data), 0)
		for i := range len(data) {
			for j := range len(data) {
				for _, size := range []int{0, 7} {
					if diff := cmp.Diff(want, receiveAll([]byte(data), []byte{byte(i), byte(j), 255}, size, 0)); diff != "" {
						t.Fatalf("%q cut at %d and %d, reads of %d: %s", data, i, j, size, diff)
					}
				}
			}
		}
	}
}

// A message much longer than every buffer, so that big buffers come and go.
func TestLongMessage(t *testing.T) {
	message := bytes.Repeat([]byte(".dots and more of the same\r\n"), 20_000)
	for _, cuts := range [][]byte{nil, {255}, {100, 250, 3}} {
		want := received{Message: string(message), Rest: "NOOP\r\n"}
		if diff := cmp.Diff(want, receiveAll(append(stuff(message), "NOOP\r\n"...), cuts, 4096, int64(len(message)))); diff != "" {
			t.Fatal(diff[:min(len(diff), 500)])
		}
		if diff := cmp.Diff(want, receiveAll(append(stuff(message), "NOOP\r\n"...), cuts, 0, int64(len(message)))); diff != "" {
			t.Fatal("by WriteTo: " + diff[:min(len(diff), 500)])
		}
		got := receiveAll(append(stuff(message), "NOOP\r\n"...), cuts, 4096, int64(len(message))-1)
		if got.Err != ErrTooBig.Error() || got.Rest != "NOOP\r\n" {
			t.Fatal(got.Err, got.Rest)
		}
	}
}

// What the writer doesn't take stays in the message, and the session goes on behind its end all the same.
func TestWriteToFails(t *testing.T) {
	full := errors.New("full")
	for name, w := range map[string]struct {
		writer writerFunc
		want   error
	}{
		"error":       {func([]byte) (int, error) { return 2, full }, full},
		"short write": {func([]byte) (int, error) { return 2, nil }, io.ErrShortWrite},
	} {
		pools := newPools()
		in := &stream{conn: playing([]byte("message\r\n.\r\nNOOP\r\n"), nil), pools: &pools, lent: pools.small.Get().(*[]byte), idle: func() bool { return false }}
		var d dotReader
		d.begin(in, &Config{})
		if n, err := d.WriteTo(w.writer); n != 2 || !errors.Is(err, w.want) {
			t.Errorf("%s: %d, %v; want 2, %v", name, n, err, w.want)
		}
		if err := d.drain(); err != nil || string(in.pending()) != "NOOP\r\n" {
			t.Errorf("%s: drain says %v, behind the message is %q", name, err, in.pending())
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A refused message that doesn't end isn't read for ever.
func TestFlood(t *testing.T) {
	pools := newPools()
	chunk := bytes.Repeat([]byte("flood\r\n"), 1000)
	conn := &played{chunks: func() []byte { return chunk }}
	in := &stream{conn: conn, pools: &pools, lent: pools.small.Get().(*[]byte), idle: func() bool { return false }}
	var d dotReader
	d.begin(in, &Config{MaxSize: 1000})
	if _, err := io.Copy(io.Discard, &d); !errors.Is(err, ErrTooBig) {
		t.Fatal(err)
	}
	if err := d.drain(); !errors.Is(err, errFlood) {
		t.Fatal(err)
	}
}

func FuzzDotReader(f *testing.F) {
	for _, seed := range []string{".\r\n", "a\r\n.\r\nQUIT\r\n", "..\r\n.\r\n", "a\n.\r\n", "a\r.\r\n\r\n.\r\n", "\x00\r\n.\r\n", "a\r\n.", "\r\n.\n\r\n.\r\n"} {
		f.Add([]byte(seed), []byte{0}, uint8(3), uint16(0))
		f.Add([]byte(seed), []byte{1, 4, 2}, uint8(200), uint16(1))
	}
	f.Fuzz(func(t *testing.T, data, cuts []byte, size uint8, limit uint16) {
		want := naive(data, int64(limit))
		if diff := cmp.Diff(want, receiveAll(data, cuts, int(size), int64(limit))); diff != "" {
			t.Fatal(diff)
		}
	})
}
