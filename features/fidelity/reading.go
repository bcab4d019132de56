package fidelity

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// reading is a transcript while it is read.
type reading struct {
	*Recording
	line    int
	session *relay.Session
	now     time.Time
	silence time.Duration // since what was said last

	segments int // so far in this connection
	shared   int // commands still to come that share the present segment

	content [][]byte // of the message that is being read
	inData  bool
	inChunk int // octets that BDAT announced; -1: none
	secret  bool
	mail    relay.Message
}

func (p *reading) wrong(format string, values ...any) error {
	return &LineError{p.File, p.line, fmt.Sprintf(format, values...)}
}

// read takes one line.
func (p *reading) read(line string) error {
	switch {
	case strings.HasPrefix(line, "--- "):
		return p.connection(line)
	case strings.HasPrefix(line, "C:"):
		return p.client(strings.TrimPrefix(line[2:], " "))
	case strings.HasPrefix(line, "S:"):
		return p.server(strings.TrimPrefix(line[2:], " "))
	case strings.HasPrefix(line, "#"):
		return p.remark(strings.TrimSpace(line[1:]))
	case strings.TrimSpace(line) == "":
		return nil
	}
	return p.wrong("expected a line that begins with C:, S:, # or ---, got %q", shortened(line, 60))
}

var (
	opened  = regexp.MustCompile(`^--- connection (\d+) opened(?: t=\+?([0-9.]+)s)?`)
	closed  = regexp.MustCompile(`^--- connection (\d+) closed(?: t=\+?([0-9.]+)s)?(?: by (.*))?$`)
	shares  = regexp.MustCompile(`^\(one .*carries: (.*)\)$`)
	passed  = regexp.MustCompile(`^\(([0-9.]+) ?s later\)$`)
	tlsOn   = regexp.MustCompile(`^TLS established (\S+ \S+)(?: sni=(\S+))?`)
	injects = regexp.MustCompile(`^(\d+) message\(s\) via (\S+)(?: to \S+)? from <([^>]*)> to (\d+) rcpt`)
)

// at is a time since the recording began; seconds that can't be read are the time of the last line.
func (p *reading) at(seconds string) time.Time {
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil || s < 0 || s > 1e9 {
		return p.now
	}
	return epoch.Add(time.Duration(s * float64(time.Second)))
}

func (p *reading) connection(line string) error {
	if m := opened.FindStringSubmatch(line); m != nil {
		if p.session != nil {
			return p.wrong("connection %d is still open: expected its --- connection %d closed", p.session.Number, p.session.Number)
		}
		number, _ := strconv.Atoi(m[1])
		p.now = p.at(m[2])
		p.Sessions = append(p.Sessions, relay.Session{Number: number, Opened: p.now})
		p.session = &p.Sessions[len(p.Sessions)-1]
		p.segments, p.shared, p.inData, p.inChunk, p.secret, p.content, p.silence = 0, 0, false, -1, false, nil, 0
		return nil
	}
	m := closed.FindStringSubmatch(line)
	if m == nil {
		return p.wrong("expected --- connection N opened t=+1.234s, or --- connection N closed t=+1.234s by ..., got %q", shortened(line, 60))
	}
	if p.session == nil || strconv.Itoa(p.session.Number) != m[1] {
		return p.wrong("connection %s is closed and was not open", m[1])
	}
	switch {
	case p.inChunk >= 0 && p.chunkIsWhole():
		p.chunk()
	case p.inChunk >= 0 || p.inData:
		p.cut()
	}
	p.session.Closed, p.session.End = p.at(m[2]), ending(m[3])
	p.idle[p.session.Number] = p.silence
	p.session = nil
	return nil
}

// ending reads who closed a connection.
func ending(by string) relay.Ending {
	switch {
	case strings.Contains(by, "EOF"):
		return relay.ByEOF
	case strings.Contains(by, "QUIT"):
		return relay.ByQuit
	case strings.Contains(by, "serv"), strings.Contains(by, "sink"), strings.Contains(by, "relay"):
		return relay.ByServer
	}
	return relay.ByError
}

// step records what was said.
func (p *reading) step(s relay.Step) {
	s.At, p.silence = p.now, 0
	if s.Kind == relay.Command || s.Kind == relay.Content {
		if p.shared > 0 && s.Verb != "" {
			p.shared--
		} else if s.Verb != "" {
			p.segments++
		}
		s.Segment = max(1, p.segments)
	}
	p.session.Steps = append(p.session.Steps, s)
}

func (p *reading) remark(text string) error {
	if p.session == nil {
		return p.head(text)
	}
	if m := shares.FindStringSubmatch(text); m != nil {
		p.segments++
		p.shared = len(strings.Fields(m[1]))
		return nil
	}
	if m := passed.FindStringSubmatch(text); m != nil {
		seconds, _ := strconv.ParseFloat(m[1], 64)
		p.silence = time.Duration(min(seconds, 1e6) * float64(time.Second))
		p.now = p.now.Add(p.silence)
		return nil
	}
	if m := tlsOn.FindStringSubmatch(text); m != nil {
		p.session.TLS, p.session.SNI = m[1], strings.TrimPrefix(m[2], "None")
	}
	p.step(relay.Step{Kind: relay.Note, Text: text})
	return nil
}

// head reads what stands before the first connection.
func (p *reading) head(text string) error {
	key, value, ok := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	switch {
	case ok && key == "mta":
		p.Server = value
	case ok && key == "case":
		p.Case = value
	case ok && key == "note":
		p.Note = strings.TrimSpace(p.Note + " " + value)
	case ok && key == "sink":
		p.Sink = value
	case ok && key == "inject":
		return p.inject(value)
	case ok && p.Title == "" && len(p.Sessions) == 0:
		p.Title = value
	}
	return nil
}

func (p *reading) inject(text string) error {
	m := injects.FindStringSubmatch(text)
	if m == nil {
		return p.wrong("expected \"inject: N message(s) via SMTP from <sender> to N rcpt\", got %q", shortened(text, 80))
	}
	messages, _ := strconv.Atoi(m[1])
	recipients, _ := strconv.Atoi(m[4])
	if messages > mostMessages || recipients > mostMessages {
		return p.wrong("%d messages to %d recipients: %d is the most that is played", messages, recipients, mostMessages)
	}
	p.Inject = Injection{messages, !strings.EqualFold(m[2], "SMTP"), m[3], recipients}
	return nil
}

// mostMessages bounds what is injected.
const mostMessages = 10_000

// client takes what the server that was recorded said.
func (p *reading) client(text string) error {
	if p.session == nil {
		return p.wrong("nothing can be said here: no connection is open")
	}
	switch {
	case p.inData && text == ".":
		p.inData = false
		p.complete(relay.Step{Kind: relay.Content, Verb: relay.EndOfData}, append(bytes.Join(p.content, []byte("\r\n")), "\r\n"...))
		return nil
	case p.inData:
		p.content = append(p.content, []byte(strings.TrimPrefix(text, ".")))
		return nil
	case p.inChunk >= 0 && !p.chunkIsWhole():
		p.content = append(p.content, []byte(text))
		return nil
	case p.inChunk >= 0:
		p.chunk() // its answer stands behind what follows
	}
	if p.secret {
		p.secret = false
		p.step(relay.Step{Kind: relay.Command, Text: text})
		return nil
	}
	p.command(text)
	return nil
}

// chunkIsWhole tells whether all of the chunk's octets are there: the last line then is not ended.
func (p *reading) chunkIsWhole() bool {
	return len(bytes.Join(p.content, []byte("\r\n"))) >= p.inChunk
}

// command takes a command.
func (p *reading) command(text string) {
	verb, argument, _ := strings.Cut(text, " ")
	verb = strings.ToUpper(verb)
	p.step(relay.Step{Kind: relay.Command, Verb: verb, Text: text})
	switch verb {
	case "EHLO", "HELO":
		p.session.Verb, p.session.Hello = verb, argument
	case "MAIL":
		p.mail = relay.Message{Session: p.session.Number}
		p.mail.Sender, p.mail.Parameters = envelope(text)
	case "BDAT":
		size, err := strconv.Atoi(strings.Fields(argument + " x")[0])
		if err == nil {
			p.inChunk, p.content = size, nil
		}
	}
}

// envelope reads the address of MAIL or RCPT, and the parameters behind it.
func envelope(line string) (address, parameters string) {
	_, path, _ := strings.Cut(line, ":")
	address, parameters, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(path), "<"), ">")
	return address, strings.TrimSpace(parameters)
}

// complete keeps a message whose end has come.
func (p *reading) complete(step relay.Step, content []byte) {
	m := p.mail
	m.At, m.Content = p.now, content
	step.Message = len(p.session.Messages)
	p.session.Messages = append(p.session.Messages, m)
	p.step(step)
	p.content = nil
}

// chunk ends the content that BDAT brought.
func (p *reading) chunk() {
	p.mail.Chunked, p.mail.Chunks = true, p.mail.Chunks+1
	content := bytes.Join(p.content, []byte("\r\n"))
	p.inChunk = -1
	p.complete(relay.Step{Kind: relay.Content}, content)
}

// cut keeps a content whose end didn't come.
func (p *reading) cut() {
	p.step(relay.Step{Kind: relay.Note, Text: fmt.Sprintf("%s after %d lines of it", contentCut, len(p.content))})
	p.content, p.inData, p.inChunk = nil, false, -1
}

// contentCut begins the note about a content whose end didn't come.
const contentCut = "the content ended"

// server takes a line of the relay's.
func (p *reading) server(text string) error {
	if p.session == nil {
		return p.wrong("nothing can be said here: no connection is open")
	}
	if p.inChunk >= 0 {
		p.chunk()
	}
	if p.inData { // it speaks before the end has come
		p.cut()
	}
	steps := p.session.Steps
	if n := len(steps) - 1; n >= 0 && steps[n].Kind == relay.Reply && continues(steps[n].Text) {
		steps[n].Text += "\n" + text
	} else {
		p.step(relay.Step{Kind: relay.Reply, Text: text})
	}
	p.answered(text)
	return nil
}

// continues tells whether a reply has another line.
func continues(reply string) bool {
	last := reply[strings.LastIndexByte(reply, '\n')+1:]
	return len(last) > 3 && last[3] == '-'
}

// answered takes in what a line of a reply means for what follows.
func (p *reading) answered(line string) {
	if continues(line) {
		return
	}
	p.inData = strings.HasPrefix(line, "354")
	p.secret = strings.HasPrefix(line, "334")
	steps := p.session.Steps
	for i := len(steps) - 1; i >= 0; i-- {
		switch said := steps[i]; {
		case said.Kind == relay.Reply:
			continue
		case said.Kind == relay.Content:
			p.session.Messages[said.Message].Reply = steps[len(steps)-1].Text
		case said.Verb == "RCPT":
			address, _ := envelope(said.Text)
			if strings.HasPrefix(line, "25") {
				p.mail.Recipients = append(p.mail.Recipients, address)
			} else {
				p.mail.Refused = append(p.mail.Refused, address)
			}
		}
		return
	}
}

// finish checks that the transcript is whole.
func (p *reading) finish() (*Recording, error) {
	if p.session != nil { // it was recorded until then: the file may have been cut
		return nil, p.wrong("connection %d is never closed: the transcript isn't whole", p.session.Number)
	}
	base := strings.TrimSuffix(filepath.Base(p.File), ".txt")
	if i := strings.LastIndexByte(base, '-'); i > 0 {
		if p.Server == "" {
			p.Server = base[:i]
		}
		if p.Case == "" {
			p.Case = base[i+1:]
		}
	}
	switch {
	case p.line == 0:
		return nil, &LineError{p.File, 1, "it is empty"}
	case p.Server == "":
		return nil, &LineError{p.File, 1, "which server is it? Expected a line \"# mta: postfix\""}
	case len(p.Sessions) == 0:
		return nil, p.wrong("there is no connection in it: expected --- connection 1 opened t=+0.000s")
	}
	if p.Case == "" {
		p.Case = base
	}
	return p.Recording, nil
}
