package mail

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// IDs makes the identifiers that a server gives to messages, out of one source of chance and of process numbers. It may be
// used by many goroutines.
type IDs struct {
	mu      sync.Mutex
	random  *rand.Rand
	process int
}

// NewIDs gives the identifiers of a server; the same seed gives the same ones.
func NewIDs(seed uint64) *IDs {
	random := rand.New(rand.NewPCG(seed, 0x6d61696c))
	return &IDs{random: random, process: 1000 + random.IntN(20000)}
}

// The digits of identifiers.
const (
	digits  = "0123456789"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	base62  = digits + upper + lower
	hexCaps = digits + "ABCDEF"
	hexLow  = digits + "abcdef"
)

// out gives n characters out of alphabet.
func (i *IDs) out(alphabet string, n int) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[i.random.IntN(len(alphabet))])
	}
	return b.String()
}

// HEX gives n hexadecimal digits, in capitals. It and the methods below are for templates.
func (i *IDs) HEX(n int) string { return i.out(hexCaps, n) }

// Hex gives n hexadecimal digits, in small letters.
func (i *IDs) Hex(n int) string { return i.out(hexLow, n) }

// Digits gives n decimal digits.
func (i *IDs) Digits(n int) string { return i.out(digits, n) }

// Letters gives n letters of either case.
func (i *IDs) Letters(n int) string { return i.out(upper+lower, n) }

// Process gives the number of one more process of the server's host, 2 to 32767.
func (i *IDs) Process() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.process = 2 + (i.process-1)%32766
	return int64(i.process)
}

// Below gives a number from 0 to n-1.
func (i *IDs) Below(n int64) int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.Int64N(n)
}

// Base62 gives v in base 62, n digits, the last ones where there are more.
func (i *IDs) Base62(v int64, n int) string { return inBase(62, v, n) }

// Hex8 gives the last 32 bits of v as 8 hexadecimal digits, in capitals.
func (i *IDs) Hex8(v int64) string {
	text := strings.ToUpper(strconv.FormatUint(uint64(uint32(v)), 16))
	return strings.Repeat("0", 8-len(text)) + text
}

// Clock60 gives a time as six digits of base 60: year, month from 0, day, hour, minute, second.
func (i *IDs) Clock60(at time.Time) string {
	at = at.UTC()
	var b strings.Builder
	for _, v := range []int{at.Year() - 1900, int(at.Month()) - 1, at.Day(), at.Hour(), at.Minute(), at.Second()} {
		b.WriteString(inBase(60, int64(v), 1))
	}
	return b.String()
}

// FileTime gives a time as Windows counts it, in intervals of 100 ns since 1601, in two groups of 8 hexadecimal digits: the
// low one, a colon and the high one.
func (i *IDs) FileTime(at time.Time) string {
	const from1601 = 11644473600 // seconds until 1970
	v := (at.Unix()+from1601)*1e7 + int64(at.Nanosecond()/100)
	return i.Hex8(v) + ":" + i.Hex8(v>>32)
}

// inBase gives the last n digits of v in a base of up to 62; what is negative is 0.
func inBase(base, v int64, n int) string {
	out := make([]byte, n)
	v = max(0, v)
	for k := n - 1; k >= 0; k-- {
		out[k] = base62[v%base]
		v /= base
	}
	return string(out)
}
