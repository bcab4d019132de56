package control

import (
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/reports/transcript"
)

// The bounds of what is kept of sessions. A line of a transcript has at most some 600 octets.
const (
	keptLinesOfSession = 200
	keptRefusals       = 20
)

// journal keeps what was said in the newest sessions.
type journal struct {
	now func() time.Time

	mu   sync.Mutex
	kept recent[*session]
	byID map[string]*session
}

// session is what is kept of one. The journal guards it.
type session struct {
	sessionBody
	refusals recent[explanation]
	dialogue *transcript.Transcript
	pending  *explanation // why the next reply refuses
	inAuth   bool         // the client was challenged
}

// sessionBody is a session as it is shown.
type sessionBody struct {
	ID       string        `json:"id"`
	Peer     string        `json:"peer"`
	Port     policy.Role   `json:"port,omitempty"`
	Helo     string        `json:"helo,omitempty"`
	TLS      bool          `json:"tls"`
	User     string        `json:"user,omitempty"`
	Began    time.Time     `json:"began"`
	Last     time.Time     `json:"last"`
	Replies  int           `json:"replies"`
	Messages int           `json:"messages"`
	Refused  int           `json:"refused"`
	Refusals []explanation `json:"refusals,omitempty"`
}

func newJournal(now func() time.Time, sessions int) *journal {
	return &journal{now: now, kept: recent[*session]{most: sessions}, byID: map[string]*session{}}
}

// session gives a session, begun where there is none. j.mu is held.
func (j *journal) session(id string) *session {
	if s := j.byID[id]; s != nil {
		return s
	}
	began := j.now().UTC()
	s := &session{
		sessionBody: sessionBody{ID: id, Began: began, Last: began},
		refusals:    recent[explanation]{most: keptRefusals},
		dialogue:    &transcript.Transcript{Keep: keptLinesOfSession}, // in real time: a frozen clock would tell nothing
	}
	j.byID[id] = s
	if gone, full := j.kept.add(s); full {
		delete(j.byID, gone.ID)
	}
	return s
}

// know takes note of what the relay knows of a session when it decides, and of why it will refuse; nil: it won't.
func (j *journal) know(f *policy.Facts, why *explanation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.session(f.Session)
	if f.TLS && !s.TLS {
		s.dialogue.Note("", "TLS established")
	}
	s.Port, s.Helo, s.TLS, s.User = f.Port, f.Helo, f.TLS, f.User
	s.pending = why
}

// accepted counts a message.
func (j *journal) accepted(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.session(id).Messages++
}

// reply takes note of a reply, or of what happened in place of one.
func (j *journal) reply(e *wire.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.session(e.Session)
	s.Peer, s.Last = e.Peer, e.Time.UTC()
	s.say(e)
	why := s.pending
	s.pending = nil
	if e.Code == 0 {
		return
	}
	s.Replies++
	if e.Code < 400 {
		return
	}
	s.Refused++
	if why == nil {
		why = &explanation{}
	}
	why.tell(e)
	s.refusals.add(*why)
}
