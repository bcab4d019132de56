package control

import (
	"bytes"
	"strings"

	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/reports/transcript"
)

// say writes a reply, and the command that it answers, into the session's transcript.
func (s *session) say(e *wire.Event) {
	s.ask(e)
	if e.Code == 0 {
		s.dialogue.Note("", first(e.Cause))
		return
	}
	if unsaid(e) {
		s.dialogue.Closed("", "the relay, without the reply "+e.Text)
		return
	}
	for line := range bytes.Lines(e.Reply) {
		s.dialogue.Server("", string(bytes.TrimRight(line, "\r\n")))
	}
	const challenge = 334
	s.inAuth = e.Code == challenge
}

// ask writes what the client said. What it answers to a challenge is a secret, and so is a line that was no command.
func (s *session) ask(e *wire.Event) {
	switch {
	case s.inAuth && e.Code != 421: // it closes where nothing came
		s.dialogue.Add(transcript.Entry{Kind: transcript.Client, Text: "answer", Secret: true})
	case e.Command != "":
		s.dialogue.Client("", e.Command)
	case e.Stage == "accept":
		s.dialogue.Note("", "the message")
	case s.Replies > 0 && e.Code >= 500:
		s.dialogue.Add(transcript.Entry{Kind: transcript.Client, Text: "a line", Secret: true})
	}
}

// unsaid tells whether a fault closed the connection in place of the reply. Source: simulator/faults.
func unsaid(e *wire.Event) bool {
	return strings.HasPrefix(string(e.Rule), "fault/") && strings.HasPrefix(e.Text, "dropped without a word")
}

func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
