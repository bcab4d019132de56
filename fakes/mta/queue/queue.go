// Package queue keeps the messages of a sending server until they are delivered or returned: in memory, or in a folder too,
// so that they outlive the process.
//
// It knows no clock, no network and no server: whoever uses it says when a message is due, and asks for those that are. A
// hundred thousand messages take less than 500 octets each besides their contents, and are put back in constant time.
//
// Start with Open, Queue.Add and Queue.Due.
package queue

import (
	"container/heap"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Queue holds messages. Its methods may be called by several goroutines.
type Queue struct {
	folder *folder // nil: in memory only

	mu      sync.Mutex
	first   *Item // in the order in which they came
	last    *Item
	held    int
	waiting map[int64]*those // by when they are due
	times   times            // the keys of waiting
	recent  *those           // the last of waiting that was added to: very many fall due together
}

// those are the messages that are due at one time.
type those struct {
	due   int64
	items []*Item
}

// Open makes a queue in memory or, where folder is given, one that is kept there: what was in it is due at once.
//
// Errors: the folder can't be made, read or written, another process has it, or a file in it isn't a queue's.
func Open(directory string) (*Queue, error) {
	q := &Queue{waiting: map[int64]*those{}}
	if directory == "" {
		return q, nil
	}
	var err error
	if q.folder, err = openFolder(directory); err != nil {
		return nil, err
	}
	items, err := q.folder.items()
	if err != nil {
		return nil, errors.Join(err, q.folder.close())
	}
	for _, i := range items {
		q.link(i)
		if i.flags&frozen == 0 {
			q.wait(i, i.last+1)
		}
	}
	return q, nil
}

// Close ends the use of a folder.
func (q *Queue) Close() error {
	if q.folder == nil {
		return nil
	}
	return q.folder.close()
}

// ErrUnfit is why a message can't be queued: it is nonsense.
var ErrUnfit = errors.New("a message needs an ID, recipients, and no text with the octet 0")

// Add queues a message and gives it to its caller. Where the queue has a folder it is kept there when Add returns.
//
// Errors: ErrUnfit, or the folder doesn't take it: then nothing of it is queued.
func (q *Queue) Add(m Message, content []byte) (*Item, error) {
	i := pack(m)
	if m.ID == "" || len(m.Recipients) == 0 || i.Waiting() != len(m.Recipients) {
		return nil, fmt.Errorf("queue message %q: %w", m.ID, ErrUnfit)
	}
	i.content = content
	if q.folder != nil {
		serial, err := q.folder.add(m, content)
		if err != nil {
			return nil, fmt.Errorf("queue message %s: %w", m.ID, err)
		}
		i.serial, i.content = serial, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.link(i)
	i.flags |= taken
	return i, nil
}

// Content gives the message as it was queued; it isn't changed.
func (q *Queue) Content(i *Item) ([]byte, error) {
	if i.serial == 0 {
		return i.content, nil
	}
	return q.folder.content(i.serial)
}

// PutBack gives i, which its caller has, back to the queue: it is due at that time, and those recipients wait. recipients
// nil: all of them do. A frozen one is never due.
//
// Error: the folder doesn't take the change; in memory it is made.
func (q *Queue) PutBack(i *Item, recipients []string, s State, due time.Time) error {
	q.change(i, recipients, s)
	err := q.keep(i)
	q.mu.Lock()
	defer q.mu.Unlock()
	i.flags &^= taken
	if !s.Frozen {
		q.wait(i, due.UnixNano())
	}
	return err
}

// Defer puts back many messages at once, for all of their recipients. again is told of each what is known of it, changes that,
// and says when it is due; it must not use the queue.
//
// Error: as PutBack's, of all of them.
func (q *Queue) Defer(items []*Item, again func(born time.Time, s *State) (due time.Time)) error {
	var failed []error
	if q.folder != nil {
		for _, i := range items {
			s := i.State()
			due := again(i.Born(), &s)
			failed = append(failed, q.PutBack(i, nil, s, due))
		}
		return errors.Join(failed...)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range items {
		s := i.State()
		due := again(i.Born(), &s)
		i.set(s)
		i.flags &^= taken
		q.wait(i, due.UnixNano())
	}
	return nil
}

// change sets what is new of i.
func (q *Queue) change(i *Item, recipients []string, s State) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if recipients != nil {
		m := i.Message()
		m.Recipients = recipients
		i.text = pack(m).text
	}
	i.set(s)
}

// keep writes what has changed of i into the folder.
func (q *Queue) keep(i *Item) error {
	if q.folder == nil {
		return nil
	}
	if err := q.folder.update(i.serial, i.Message()); err != nil {
		return fmt.Errorf("keep what has changed of message %s: %w", i.Message().ID, err)
	}
	return nil
}

// Remove ends a message that its caller has.
//
// Error: its files stay in the folder; in memory it is gone.
func (q *Queue) Remove(i *Item) error {
	q.mu.Lock()
	q.unlink(i)
	q.mu.Unlock()
	if q.folder == nil {
		return nil
	}
	if err := q.folder.remove(i.serial); err != nil {
		return fmt.Errorf("remove message %s from the queue: %w", i.Message().ID, err)
	}
	return nil
}

// Len counts the messages, those that somebody has included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// NextDue is when the first message is due; false: none waits.
func (q *Queue) NextDue() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.times) == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, q.times[0]), true
}

// Due takes the messages that are due at now, the longest due first.
func (q *Queue) Due(now time.Time) []*Item {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []*Item
	for len(q.times) > 0 && q.times[0] <= now.UnixNano() {
		at := heap.Pop(&q.times).(int64)
		if due == nil {
			due = q.waiting[at].items
		} else {
			due = append(due, q.waiting[at].items...)
		}
		delete(q.waiting, at)
	}
	q.recent = nil
	for _, i := range due {
		i.due = 0
		i.flags |= taken
	}
	return due
}

// All takes all messages that wait, whenever they are due, in the order in which they came.
func (q *Queue) All() []*Item {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []*Item
	for i := q.first; i != nil; i = i.next {
		if i.flags&(taken|frozen) == 0 {
			i.due = 0
			i.flags |= taken
			all = append(all, i)
		}
	}
	clear(q.waiting)
	q.times, q.recent = nil, nil
	return all
}

// Listed is a message as it waits.
type Listed struct {
	Message
	Due   time.Time // when it is tried; zero: somebody has it, or it is frozen
	Taken bool      // somebody has it
}

// List gives all messages in the order in which they came; what somebody has is given as it was when it was taken.
func (q *Queue) List() []Listed {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]Listed, 0, q.held)
	for i := q.first; i != nil; i = i.next {
		l := Listed{Message: i.Message(), Taken: i.flags&taken != 0}
		if i.due != 0 {
			l.Due = time.Unix(0, i.due)
		}
		all = append(all, l)
	}
	return all
}

// link puts i behind all others. q.mu is held, or nobody else has q yet.
func (q *Queue) link(i *Item) {
	q.held++
	i.previous = q.last
	if q.last == nil {
		q.first = i
	} else {
		q.last.next = i
	}
	q.last = i
}

// unlink takes i out; the second time it does nothing. q.mu is held.
func (q *Queue) unlink(i *Item) {
	if i.flags&removed != 0 {
		return
	}
	i.flags |= removed
	q.held--
	if i.previous == nil {
		q.first = i.next
	} else {
		i.previous.next = i.next
	}
	if i.next == nil {
		q.last = i.previous
	} else {
		i.next.previous = i.previous
	}
	i.previous, i.next = nil, nil
}

// grain is how exactly times are kept, so that many messages share one.
const grain = int64(time.Millisecond)

// wait makes i due at a time, up to a grain later. q.mu is held, or nobody else has q yet.
func (q *Queue) wait(i *Item, due int64) {
	due = (due + grain - 1) / grain * grain
	i.due = due
	if q.recent == nil || q.recent.due != due {
		q.recent = q.waiting[due]
	}
	if q.recent == nil {
		q.recent = &those{due: due}
		q.waiting[due] = q.recent
		heap.Push(&q.times, due)
	}
	q.recent.items = append(q.recent.items, i)
}

// times is a heap of times.
type times []int64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(int64)) }
func (t *times) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}
