package transcript

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// maxSeconds is more than any session takes and less than a Duration holds.
const maxSeconds = 9e9

// jsonEntry is an Entry in a report.
type jsonEntry struct {
	At      json.Number `json:"at"` // seconds
	Kind    string      `json:"kind"`
	Session string      `json:"session,omitempty"`
	Text    string      `json:"text"` // as in the file form: redacted, and quoted where that is needed
	Marked  bool        `json:"marked,omitempty"`
}

// MarshalJSON gives e for a report: at in seconds, kind, session, text as in the file form, marked. Credentials are left out.
func (e Entry) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonEntry{
		At:      json.Number(appendSeconds(nil, e.At)),
		Kind:    e.Kind.String(),
		Session: e.Session,
		Text:    e.shown(),
		Marked:  e.Marked,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var j jsonEntry
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("read an entry of a transcript: %w", err)
	}
	if len(j.Kind) != 1 || !Kind(j.Kind[0]).Valid() {
		return fmt.Errorf("read an entry of a transcript: kind %q: %w", j.Kind, errKind)
	}
	seconds, err := j.At.Float64()
	if err != nil || seconds < 0 || seconds >= maxSeconds {
		return fmt.Errorf("read an entry of a transcript: at %q: want seconds", j.At)
	}
	read, err := Entry{
		At:      time.Duration(math.Round(seconds * float64(time.Second))),
		Kind:    Kind(j.Kind[0]),
		Session: j.Session,
		Marked:  j.Marked,
	}.withText(j.Text)
	if err != nil {
		return fmt.Errorf("read an entry of a transcript: %w", err)
	}
	*e = read
	return nil
}

// MarshalJSON gives the entries, as Entries does.
func (t *Transcript) MarshalJSON() ([]byte, error) {
	entries := t.Entries()
	if entries == nil {
		entries = []Entry{}
	}
	return json.Marshal(entries)
}
