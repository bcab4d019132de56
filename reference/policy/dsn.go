package policy

// DSN is what a client asked to be told of a message's delivery. Source: RFC 3461. The zero DSN asks for nothing.
type DSN struct {
	Return     string   `json:"return,omitempty"` // RET: FULL or HDRS; empty: not said
	EnvelopeID string   `json:"envid,omitempty"`  // ENVID, decoded: printable ASCII
	Notices    []Notice `json:"notices,omitempty"`
}

// Notice is what a client asked to be told of one recipient.
type Notice struct {
	// Notify is NEVER, or some of SUCCESS, FAILURE and DELAY with commas between; empty: not said.
	Notify       string `json:"notify,omitempty"`
	OriginalType string `json:"original_type,omitempty"` // the address type of ORCPT in lower case: rfc822; empty: no ORCPT
	Original     string `json:"original,omitempty"`      // the address of ORCPT, decoded
}

// For gives what was asked of the recipient at index i.
func (d *DSN) For(i int) Notice {
	if i < len(d.Notices) {
		return d.Notices[i]
	}
	return Notice{}
}

// Add notes what is asked of the recipient at index i, where the notices of those before it have been added. Nobody who
// asks for nothing costs anything.
func (d *DSN) Add(i int, n Notice) {
	if n == (Notice{}) && len(d.Notices) == 0 {
		return
	}
	for len(d.Notices) < i {
		d.Notices = append(d.Notices, Notice{})
	}
	d.Notices = append(d.Notices, n)
}
