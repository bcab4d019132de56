package features

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reports/transcript"
)

// WriteFeature writes the script as scenarios to begin with, one a session, in the words of the protocol's features: what
// the client said, and the code of each answer. Names and credentials stand as they were recorded: whoever keeps the draft
// puts roles in their place ({sender}, {recipient}, {user} ...), says what rule it is about, and drops what it doesn't ask.
func (s *Script) WriteFeature(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# A draft, from a recorded dialogue. Put roles in the place of names, and tag it with the rule that it shows.\nFeature: A recorded dialogue\n\n  Rule: What it shows\n")
	var sessions []string
	for _, step := range s.plan {
		if step.Do != client.DoCall && !slices.Contains(sessions, step.Session) {
			sessions = append(sessions, step.Session)
		}
	}
	for _, name := range sessions {
		fmt.Fprintf(&b, "\n    Scenario: Session %s\n", printable(name))
		s.draft(&b, name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// draft writes the steps of a session.
func (s *Script) draft(b *strings.Builder, session string) {
	keyword := ""
	line := func(word, text string) {
		if keyword == word {
			fmt.Fprintf(b, "      And %s\n", text)
			return
		}
		keyword = word
		fmt.Fprintf(b, "      %s %s\n", word, text)
	}
	var answers []string
	flush := func() {
		if len(answers) > 0 {
			line("Then", "the relay answers "+strings.Join(answers, ", "))
			answers = nil
		}
	}
	for _, step := range s.plan {
		if step.Session != session || step.Do == client.DoCall {
			continue
		}
		if step.Do != client.DoHear {
			flush()
		}
		switch step.Do {
		case client.DoConnect:
			port := ""
			if step.Connect.Port != 0 {
				port = fmt.Sprintf(" to port %d", step.Connect.Port)
			}
			line("When", "a client connects"+port)
		case client.DoSay:
			line("When", `it sends "`+saidInFeature(step)+`\r\n"`)
		case client.DoRaw:
			line("When", `it sends "`+saidInFeature(step)+`"`)
		case client.DoContent:
			line("When", fmt.Sprintf(`it sends "{x*%d}\r\n"`, len(step.Data)))
		case client.DoHandshake:
			line("When", "it begins TLS")
		case client.DoHear:
			answers = append(answers, fmt.Sprint(step.Reply.Code))
		case client.DoEnd:
			fmt.Fprintf(b, "      # and closes the session\n")
		case client.DoDrop:
			line("When", "it drops the connection")
		}
	}
	flush()
}

// saidInFeature is what a step says, with roles in the place of credentials where the transcript says how it is made.
func saidInFeature(step client.Step) string {
	if step.Secret == nil {
		return inFeature(step.Text)
	}
	return partsInFeature(step.Secret)
}

func partsInFeature(parts []transcript.Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case strings.HasPrefix(p.Secret, "password"):
			b.WriteString("{password}")
		case p.Secret != "":
			b.WriteString("{bearer}")
		case p.Base64 != nil:
			b.WriteString("{base64 " + partsInFeature(p.Base64) + "}")
		default:
			b.WriteString(inFeature(p.Text + string(p.Octets)))
		}
	}
	return b.String()
}

// inFeature writes octets as a feature does: braces, quotes and what no editor shows as escapes.
func inFeature(octets string) string {
	var b strings.Builder
	for i := range len(octets) {
		switch c := octets[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\\':
			b.WriteString(`\\`)
		case c == '{' || c == '}' || c == '"' || c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
