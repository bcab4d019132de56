package features

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// utter says a line, sends octets or a content.
func (p *player) utter(i int, step *client.Step, t *talk) error {
	turn := Turn{Line: step.Line, Session: step.Session, Said: shownStep(step)}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "the relay doesn't wait for it")
		p.played.add(turn)
		return nil
	}
	p.played.add(turn)
	text, err := p.textOf(step, t)
	if err != nil {
		return err
	}
	switch step.Do {
	case client.DoContent:
		data := []byte(p.here(string(step.Data)))
		if t.chunk {
			err = t.conn.WriteRaw(data)
		} else {
			err = t.conn.WriteContent(data)
		}
	case client.DoRaw:
		err = raw(t.conn, text, step.Apart)
	default:
		t.note(step.Text)
		err = t.conn.WriteLine(p.recount(i, text))
	}
	_ = err // what the relay said before it closed is read by the next step, which meets the end, too
	return nil
}

// raw sends octets, each in a write of its own where they went apart.
func raw(conn *client.Conn, octets string, apart bool) error {
	if !apart {
		return conn.WriteRaw([]byte(octets))
	}
	for i := range len(octets) {
		if err := conn.WriteRaw([]byte(octets[i : i+1])); err != nil {
			return err
		}
	}
	return nil
}

// note keeps what was said last.
func (t *talk) note(line string) {
	t.said = line
	words := strings.Fields(strings.ToUpper(line))
	t.chunk = len(words) > 0 && words[0] == "BDAT"
	if len(words) > 1 && words[0] == "AUTH" {
		t.asked, t.answer = words[1], 0
	}
}

// textOf gives what is to be said: names of the target, credentials that it knows.
func (p *player) textOf(step *client.Step, t *talk) (string, error) {
	switch {
	case step.Secret != nil:
		return transcript.Join(step.Secret, p.here, p.credential)
	case step.Veiled:
		return p.improvise(step.Text, t)
	}
	if step.Do == client.DoRaw {
		return p.chunksHere(step.Text), nil
	}
	return p.here(step.Text), nil
}

// chunksHere is here for octets in which whole chunks may stand behind their commands: their lengths are counted anew.
func (p *player) chunksHere(octets string) string {
	var b strings.Builder
	for octets != "" {
		at := strings.Index(octets, "\r\n")
		if at < 0 {
			break
		}
		line, rest := octets[:at], octets[at+2:]
		m := chunkSize.FindStringSubmatch(line)
		n := 0
		if m != nil {
			n, _ = strconv.Atoi(m[2]) // what is no int is longer than rest
		}
		if m == nil || n <= 0 || n > len(rest) {
			b.WriteString(p.here(line) + "\r\n")
			octets = rest
			continue
		}
		chunk := p.here(rest[:n])
		b.WriteString(m[1] + strconv.Itoa(len(chunk)) + m[3] + "\r\n" + chunk)
		octets = rest[n:]
	}
	b.WriteString(p.here(octets))
	return b.String()
}

// credential gives the credential of a name.
func (p *player) credential(name string) (string, error) {
	for _, known := range []string{name, p.renamed(name)} {
		if value := p.credentials[known]; value != "" {
			return value, nil
		}
	}
	kind, user, _ := strings.Cut(name, " of ")
	switch {
	case p.caster == nil || p.caster.User.Address == "":
	case kind == "password" && p.caster.User.Password != "":
		return p.caster.User.Password, p.understudies(user)
	case kind == "token" && bearer(p.caster.User) != "":
		return bearer(p.caster.User), p.understudies(user)
	}
	return "", fmt.Errorf("nobody knows the %s here: bind roles.user in the profile, with what it authenticates by", name)
}

// understudies has the user of the target's roles play one whom only the script knows.
func (p *player) understudies(user string) error {
	if strings.EqualFold(user, p.caster.User.Address) || p.understudy[user] {
		return nil
	}
	p.understudy[user] = true
	p.played.Notes = append(p.played.Notes, fmt.Sprintf("%s plays %s", p.caster.User.Address, user))
	names := map[string]string{user: p.caster.User.Address}
	if p.parts != nil {
		for from, to := range p.parts.Names {
			names[from] = to
		}
	}
	p.parts = newCast(target.Binding{Names: names})
	return nil
}

// improvise makes credentials where the script has none, not even their names: those of the user of the target's roles.
func (p *player) improvise(line string, t *talk) (string, error) {
	if p.caster == nil || p.caster.User.Password == "" {
		return "", errors.New("credentials stand there that the transcript leaves out: bind roles.user in the profile, and they are said instead")
	}
	user, words := p.caster.User, strings.Fields(line)
	if len(words) == 3 && strings.EqualFold(words[0], "AUTH") {
		t.note(line)
	}
	answer := ""
	switch {
	case t.asked == "PLAIN":
		answer = base64Of("\x00" + user.Address + "\x00" + user.Password)
	case t.asked == "LOGIN" && t.answer == 0:
		answer = base64Of(user.Address)
	case t.asked == "LOGIN":
		answer = base64Of(user.Password)
	default:
		return "", fmt.Errorf("credentials for AUTH %s stand there that the transcript leaves out, and nobody can make them", t.asked)
	}
	t.answer++
	return strings.Replace(line, transcript.Redacted, answer, 1), nil
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// chunkSize matches a command that says how long the chunk behind it is.
var chunkSize = regexp.MustCompile(`(?i)^(BDAT )(\d+)(.*)$`)

// recount gives a BDAT command the length that its chunk has with the names of the target.
func (p *player) recount(i int, line string) string {
	m := chunkSize.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	for _, next := range p.script.plan[i+1:] {
		if next.Session != p.script.plan[i].Session {
			continue
		}
		chunk := next.Text
		if next.Do == client.DoContent {
			chunk = string(next.Data)
		} else if next.Do != client.DoRaw {
			return line
		}
		if strconv.Itoa(len(chunk)) == m[2] {
			return m[1] + strconv.Itoa(len(p.here(chunk))) + m[3]
		}
		return line
	}
	return line
}

// handshake does the TLS handshake where the relay agreed to it.
func (p *player) handshake(ctx context.Context, step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, Did: "does the TLS handshake", Failed: step.Refused}
	switch {
	case t.over != "" || t.clear:
		turn.Gone = cmp.Or(t.over, "the relay refused STARTTLS")
	case !t.conn.TLS():
		if err := t.conn.Handshake(ctx); err != nil {
			turn.Fails, turn.Why = true, client.Explain(err)
			t.end((*client.Conn).Close, "the TLS handshake failed")
		}
	}
	p.played.add(turn)
}

// hear reads a reply, and makes the session go on where another one came than was recorded.
func (p *player) hear(ctx context.Context, step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, To: t.said, Want: step.Reply, Marked: step.Marked, Differs: step.Differs, Heard: true}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "what it answers wasn't said")
		t.spared = t.spared && step.Reply.Intermediate()
		p.played.add(turn)
		return
	}
	reply, err := t.conn.ReadReply()
	if err != nil {
		turn.Gone = client.Explain(err)
		t.end((*client.Conn).Close, "the session had failed")
		if client.Ended(err) {
			t.over = "the relay had closed the connection"
		}
		p.played.add(turn)
		return
	}
	turn.Got = p.recordedNames(reply)
	p.played.add(turn)
	p.goOn(ctx, step.Reply, reply, t)
}

// recordedNames gives a reply in the recorded names.
func (p *player) recordedNames(reply client.Reply) client.Reply {
	lines := make([]string, len(reply.Lines))
	for i, line := range reply.Lines {
		lines[i] = p.there(line)
	}
	return client.Reply{Code: reply.Code, Lines: lines}
}

// goOn brings a session to where it was, as far as that can be, when the relay answers otherwise.
func (p *player) goOn(ctx context.Context, was, is client.Reply, t *talk) {
	starting := strings.EqualFold(strings.TrimSpace(t.said), "STARTTLS")
	switch {
	case was.Intermediate() && !is.Intermediate():
		t.spared = true
	case is.Code == 354 && !was.Intermediate():
		t.conn.Cmd(".") // a message of nothing: what comes next is no text of a message
	case is.Code == 334 && !was.Intermediate():
		t.conn.Cmd("*") // RFC 4954 §4
	case starting && was.Code == 220 && is.Code != 220:
		t.clear = true
	case starting && was.Code != 220 && is.Code == 220:
		if t.conn.Handshake(ctx) != nil {
			t.end((*client.Conn).Close, "the TLS handshake failed")
		}
	}
}

// await waits for the relay to end the connection, or to say nothing.
func (p *player) await(step *client.Step, t *talk) {
	turn := Turn{Line: step.Line, Session: step.Session, To: t.said, Did: "hears nothing in time"}
	if step.Do == client.DoEnd {
		turn.Did = "sees the relay close the connection"
	}
	if t.over != "" || t.spared {
		turn.Gone = cmp.Or(t.over, "what it answers wasn't said")
		if step.Do == client.DoEnd && t.over == "the relay had closed the connection" {
			turn.Gone = ""
		}
		p.played.add(turn)
		return
	}
	ended, instead := ends(t.conn)
	switch {
	case instead.Code != 0:
		turn.Fails, turn.Why = true, "the relay says "+p.recordedNames(instead).String()
	case ended != (step.Do == client.DoEnd):
		turn.Fails, turn.Why = true, "the relay closes the connection"
		if !ended {
			turn.Why = "the connection is still open after " + farewell.String()
		}
	}
	p.played.add(turn)
	t.end((*client.Conn).Close, "the relay had closed the connection")
}

// shownStep is what a step says, for people.
func shownStep(step *client.Step) string {
	if step.Do == client.DoContent {
		return fmt.Sprintf("(content of %d octets)", len(step.Data))
	}
	e := transcript.Entry{Kind: transcript.Client, Text: step.Text, Secret: step.Veiled}
	if step.Do == client.DoRaw {
		e.Kind, e.Secret = transcript.Raw, step.Veiled && step.Text == transcript.Redacted
	}
	_, text, _ := strings.Cut(e.String(), ": ")
	return text
}
