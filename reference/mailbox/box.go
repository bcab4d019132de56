package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Errors of Get. They come wrapped, with the id.
var (
	ErrNotFound  = errors.New("there is no such message")
	ErrAmbiguous = errors.New("several messages begin so")
)

// Box keeps messages. Its methods may be called from many goroutines at once; its fields are set before that.
type Box struct {
	// Sync makes Commit wait until the message is on the disk itself. Without it a message that was kept may be lost, or
	// be there without its content, when the machine fails; when only the process fails it is there and whole.
	Sync bool
	// Now gives the time of receipt when an Envelope has none; nil: time.Now.
	Now func() time.Time

	ids   ids
	store store
}

// store is where a Box keeps its messages.
type store interface {
	create(id string, sync bool) (content, error)
	// list gives the ids that begin with prefix, ascending.
	list(prefix string) ([]string, error)
	// message gives what is kept with id; fs.ErrNotExist when it has gone.
	message(id string) (Message, error)
	open(id string) (io.ReadCloser, error)
}

// content is a message on its way into a store.
type content interface {
	io.Writer
	commit(m Message) error
	discard() error
}

// Create begins a message. Commit or Discard must end the Draft.
// An error is a failure of ours (disk), to be answered with 451: the message isn't accepted.
func (b *Box) Create(e Envelope) (*Draft, error) {
	if e.Received.IsZero() {
		e.Received = b.now()
	}
	m := Message{ID: b.ids.next(e.Received), Envelope: e}
	c, err := b.store.create(m.ID, b.Sync)
	if err != nil {
		return nil, notAccepted(m.ID, err)
	}
	return &Draft{message: m, content: c}, nil
}

func (b *Box) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// List gives the messages that f chooses, newest first: in the order of receipt, even if the clock went back. It reads the envelope of each candidate.
func (b *Box) List(ctx context.Context, f Filter) ([]Message, error) {
	ids, err := b.store.list("")
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	var found []Message
	for i := len(ids) - 1; i >= 0 && len(found) < f.limit(); i-- {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("list messages: %w", err)
		}
		m, err := b.store.message(ids[i])
		if isGone(err) {
			continue // deleted since the directory was read
		}
		if err != nil {
			return nil, fmt.Errorf("list messages: %s: %w", ids[i], err)
		}
		if f.matches(&m) {
			found = append(found, m)
		}
	}
	return found, nil
}

// Get gives a message and its content, to be closed by the caller. The beginning of an id will do where it is unique; it
// costs a look at every message, and a whole id doesn't.
// Errors: ErrNotFound, ErrAmbiguous, or what the disk says.
func (b *Box) Get(id string) (Message, io.ReadCloser, error) {
	if isWhole(id) {
		return b.get(id)
	}
	ids, err := b.store.list(id)
	switch {
	case err != nil:
		return Message{}, nil, fmt.Errorf("get message %q: %w", id, err)
	case len(ids) == 0 || id == "":
		return Message{}, nil, fmt.Errorf("get message %q: %w", id, gone(fs.ErrNotExist))
	case len(ids) > 1:
		return Message{}, nil, fmt.Errorf("get message %q: %w: %s, %s; give more of the id", id, ErrAmbiguous, ids[0], ids[1])
	}
	return b.get(ids[0])
}

// get gives the message with this id. The id comes from list or isWhole, so it is a name and no path.
func (b *Box) get(id string) (Message, io.ReadCloser, error) {
	r, err := b.store.open(id) // first: an envelope alone is no message
	if err != nil {
		return Message{}, nil, fmt.Errorf("get message %s: %w", id, gone(err))
	}
	m, err := b.store.message(id)
	if err != nil {
		return Message{}, nil, errors.Join(fmt.Errorf("get message %s: %w", id, gone(err)), r.Close())
	}
	return m, r, nil
}

// Draft is a message that isn't kept yet. It belongs to one goroutine.
type Draft struct {
	message Message
	content content
	err     error // sticky: after a failed Write nothing can be committed
	ended   bool
}

// ID gives the id that the message has once it is kept.
func (d *Draft) ID() string { return d.message.ID }

// Write adds to the content. After an error the Draft can only be discarded.
func (d *Draft) Write(p []byte) (int, error) {
	if d.ended {
		return 0, errEnded
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.content.Write(p)
	d.message.Size += int64(n)
	if err != nil {
		d.err = notAccepted(d.message.ID, err)
	}
	return n, d.err
}

// Commit keeps the message and gives its id. After an error nothing is kept and the Draft has ended: answer 451.
func (d *Draft) Commit() (id string, err error) {
	if d.ended {
		return "", errEnded
	}
	if d.err != nil {
		return "", errors.Join(d.err, d.Discard())
	}
	d.ended = true
	if err := d.content.commit(d.message); err != nil {
		return "", notAccepted(d.message.ID, err)
	}
	return d.message.ID, nil
}

// Discard drops the message. After Commit it does nothing, so that it can be deferred.
func (d *Draft) Discard() error {
	if d.ended {
		return nil
	}
	d.ended = true
	if err := d.content.discard(); err != nil {
		return fmt.Errorf("discard message %s: %w", d.message.ID, err)
	}
	return nil
}

var errEnded = errors.New("the message has been committed or discarded already")

func notAccepted(id string, err error) error {
	return fmt.Errorf("message %s was not accepted (451 to the client): %w; see to the mail directory and its disk", id, err)
}
