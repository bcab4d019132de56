package mail

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// EightBit is what a server does with octets that aren't ASCII where its relay doesn't announce 8BITMIME.
type EightBit string

// What it does.
const (
	SendRaw     EightBit = "raw"
	ToQuoted    EightBit = "quoted-printable" // each part that has any is encoded anew
	RefuseEight EightBit = "refuse"           // the message is returned
)

// Words are what a profile may name.
func (EightBit) Words() []string {
	return []string{string(SendRaw), string(ToQuoted), string(RefuseEight)}
}

// LongLine is what a server does with lines that are longer than its limit.
type LongLine string

// What it does.
const (
	AsIs       LongLine = "as-is"
	FoldLong   LongLine = "fold"   // a line end and a blank are put in
	SplitLong  LongLine = "split"  // an exclamation mark, a line end and a blank are put in
	RefuseLong LongLine = "refuse" // the message isn't taken when it is submitted
)

// Words are what a profile may name.
func (LongLine) Words() []string {
	return []string{string(AsIs), string(FoldLong), string(SplitLong), string(RefuseLong)}
}

// Unfit is why a message can't be sent as it is, and isn't changed.
type Unfit struct {
	Long, Limit int // octets of a line that is longer than Limit; 0: it is for octets that aren't ASCII
}

func (u *Unfit) Error() string {
	if u.Long > 0 {
		return fmt.Sprintf("a line has %d octets, and no more than %d may be sent", u.Long, u.Limit)
	}
	return "the message has octets that aren't ASCII, and the relay doesn't announce 8BITMIME"
}

// Convert makes of content what the server sends of it to a relay that announces 8BITMIME, or doesn't.
//
// Error: *Unfit, where the message is returned instead.
func (f *Forms) Convert(content []byte, eightBitOffered bool) ([]byte, error) {
	if !eightBitOffered && f.EightBit.Value != SendRaw && eightBit(content) {
		if f.EightBit.Value == RefuseEight {
			return nil, &Unfit{}
		}
		content = quoted(content, 0)
	}
	limit := f.LineLimit.Value
	if limit < shortestLimit || longest(content) <= limit {
		return content, nil
	}
	switch f.LongLines.Value {
	case FoldLong:
		return brokenLines(content, limit, "\r\n "), nil
	case SplitLong:
		return brokenLines(content, limit, "!\r\n "), nil
	}
	return content, nil
}

// shortestLimit is the least limit that leaves room for text beside what is put in.
const shortestLimit = 4

// brokenLines puts mark into lines that are longer than limit, so that with what comes of it no line is.
func brokenLines(content []byte, limit int, mark string) []byte {
	var out bytes.Buffer
	tail, lead := strings.Index(mark, "\r\n"), 1
	for line := range bytes.SplitAfterSeq(content, []byte("\r\n")) {
		room := limit
		for len(bytes.TrimSuffix(line, []byte("\r\n"))) > room {
			out.Write(line[:room-tail])
			out.WriteString(mark)
			line, room = line[room-tail:], limit-lead
		}
		out.Write(line)
	}
	return out.Bytes()
}

// mostNested bounds how deep parts may lie in parts.
const mostNested = 20

// quoted encodes the parts of an entity that aren't ASCII as quoted-printable. Source: RFC 6152 §3, RFC 2045 §6.7.
func quoted(entity []byte, depth int) []byte {
	header, rest := split(entity)
	kind, _ := field(header, "Content-Type")
	media, parameters, err := mime.ParseMediaType(kind)
	boundary := parameters["boundary"]
	switch {
	case depth < mostNested && err == nil && strings.HasPrefix(media, "multipart/") && boundary != "":
		return append(sevenBit(header), quotedParts(rest, "--"+boundary, depth)...)
	case depth < mostNested && media == "message/rfc822":
		return append(sevenBit(header), append([]byte("\r\n"), quoted(rest[2:], depth+1)...)...)
	case !eightBit(rest):
		return entity
	}
	var out bytes.Buffer
	out.Write(encodedAs(header, "quoted-printable"))
	out.WriteString("\r\n")
	w := quotedprintable.NewWriter(&out)
	w.Write(rest[2:])
	w.Close()
	return out.Bytes()
}

// quotedParts encodes each part of a body.
func quotedParts(body []byte, delimiter string, depth int) []byte {
	var out, part bytes.Buffer
	inside := false
	flush := func() {
		if inside {
			out.Write(quoted(part.Bytes(), depth+1))
		} else {
			out.Write(part.Bytes())
		}
		part.Reset()
	}
	for line := range bytes.SplitAfterSeq(body, []byte("\r\n")) {
		if text := strings.TrimRight(string(line), " \t\r\n"); text == delimiter || text == delimiter+"--" {
			flush()
			out.Write(line)
			inside = text == delimiter
			continue
		}
		part.Write(line)
	}
	flush()
	return out.Bytes()
}

// sevenBit is the header of an entity whose parts are 7-bit now.
func sevenBit(header []byte) []byte {
	if _, has := field(header, "Content-Transfer-Encoding"); has {
		return encodedAs(header, "7bit")
	}
	return bytes.Clone(header)
}

// encodedAs is a header with another Content-Transfer-Encoding, which it gets in the old one's place, or at its end.
func encodedAs(header []byte, encoding string) []byte {
	const name = "Content-Transfer-Encoding"
	var out bytes.Buffer
	for each := range fields(header) {
		if key, _, _ := strings.Cut(each, ":"); !strings.EqualFold(key, name) {
			out.WriteString(each)
		} else if encoding != "" {
			out.WriteString(name + ": " + encoding + "\r\n")
			encoding = ""
		}
	}
	if encoding != "" {
		out.WriteString(name + ": " + encoding + "\r\n")
	}
	return out.Bytes()
}
