package mailbox

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Memory makes a Box that keeps the newest messages in memory, at most this many (0: 100); the oldest give way.
func Memory(messages int) *Box {
	if messages <= 0 {
		messages = defaultLimit
	}
	return &Box{store: &memory{most: messages}}
}

// memory is a store in memory. order is ascending by id; ids may be committed out of order.
type memory struct {
	most int

	mu    sync.Mutex
	order []string
	kept  map[string]memoryMessage
}

type memoryMessage struct {
	message Message
	content []byte
}

func (s *memory) create(string, bool) (content, error) { return &memoryContent{store: s}, nil }

func (s *memory) list(prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, id := range s.order {
		if strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s *memory) message(id string) (Message, error) {
	m, err := s.find(id)
	return m.message, err
}

func (s *memory) open(id string) (io.ReadCloser, error) {
	m, err := s.find(id)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(m.content)), nil
}

func (s *memory) find(id string) (memoryMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.kept[id]
	if !ok {
		return m, fs.ErrNotExist
	}
	m.message.Recipients = slices.Clone(m.message.Recipients)
	m.message.DSN.Notices = slices.Clone(m.message.DSN.Notices)
	m.message.Rules = slices.Clone(m.message.Rules)
	return m, nil
}

func (s *memory) keep(m memoryMessage) {
	m.message.Recipients = slices.Clone(m.message.Recipients) // the caller's may change after Commit
	m.message.DSN.Notices = slices.Clone(m.message.DSN.Notices)
	m.message.Rules = slices.Clone(m.message.Rules)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = make(map[string]memoryMessage)
	}
	s.kept[m.message.ID] = m
	at, _ := slices.BinarySearch(s.order, m.message.ID)
	s.order = slices.Insert(s.order, at, m.message.ID)
	if len(s.order) > s.most {
		delete(s.kept, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
}

// memoryContent is a message on its way into memory.
type memoryContent struct {
	store *memory
	bytes.Buffer
}

func (c *memoryContent) commit(m Message) error {
	c.store.keep(memoryMessage{m, c.Bytes()})
	return nil
}

func (c *memoryContent) discard() error { return nil }

// Discard makes a Box that keeps nothing: for volume. Commit gives an id all the same.
func Discard() *Box { return &Box{store: nothing{}} }

// nothing is a store that keeps nothing.
type nothing struct{}

func (nothing) create(string, bool) (content, error) { return nothing{}, nil }
func (nothing) list(string) ([]string, error)        { return nil, nil }
func (nothing) message(string) (Message, error)      { return Message{}, fs.ErrNotExist }
func (nothing) open(string) (io.ReadCloser, error)   { return nil, fs.ErrNotExist }
func (nothing) Write(p []byte) (int, error)          { return len(p), nil }
func (nothing) commit(Message) error                 { return nil }
func (nothing) discard() error                       { return nil }
