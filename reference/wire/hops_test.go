package wire

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hopsOf counts in the most obvious way.
func hopsOf(message string) int {
	header, _, _ := strings.Cut("\r\n"+message, "\r\n\r\n")
	return len(regexp.MustCompile(`(?i)\r\nReceived[ \t]*:`).FindAllString(header, -1))
}

// However a message is cut, its hops are counted in its header and nowhere else.
func TestHopsAreCounted(t *testing.T) {
	line := rapid.SampledFrom([]string{
		"Received: from a\r\n", "received \t:x\r\n", "RECEIVED:\r\n", "Received-SPF: none\r\n", "Receive: x\r\n", "X-Received: x\r\n",
		" Received: folded\r\n", "Subject: Received: x\r\n", "ReceivedX\r\n", "Received\r\n", "\r\n", "x\r\n", "Received x: y\r\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		message := strings.Join(rapid.SliceOf(line).Draw(t, "lines"), "")
		cuts := rapid.SliceOf(rapid.ByteMax(30)).Draw(t, "cuts")
		want := hopsOf(message)
		for _, most := range []int{want, want - 1} {
			if most <= 0 {
				continue
			}
			for _, data := range [][]byte{append([]byte("DATA\r\n"), stuff([]byte(message))...), chunked([]byte(message), cuts)} {
				engine := &scripted{}
				server, err := New(Config{Engine: engine, Replies: replies(), Capabilities: capabilities(), MaxHops: most})
				if err != nil {
					t.Fatal(err)
				}
				runSession(server, playing(append([]byte("HELO a\r\n"+envelope), data...), cuts), func(*session) {})
				if accepted := len(engine.taken) == 1; accepted != (most == want) {
					t.Fatalf("%d hops, at most %d: accepted %v", want, most, accepted)
				}
			}
		}
	})
}
