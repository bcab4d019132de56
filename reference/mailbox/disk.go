package mailbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A directory holds tmp/, where messages are written, and new/, where they appear: <id>.eml with the content as it was
// received, and <id>.json with the envelope. The envelope is renamed first, so whoever sees the content has both.
const (
	contentExt  = ".eml"
	envelopeExt = ".json"
	// leftoverAge is after how long a file in tmp/ is what a crash left. Another relay may be writing a younger one.
	leftoverAge = 24 * time.Hour
)

// Open makes a Box of a directory, which is made when it isn't there. The directory may be opened several times at once.
func Open(dir string) (*Box, error) {
	s := &disk{tmp: filepath.Join(dir, "tmp"), kept: filepath.Join(dir, "new")}
	for _, d := range []string{s.tmp, s.kept} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open mail directory: %w; give one that can be written to", err)
		}
	}
	if err := s.sweep(time.Now().Add(-leftoverAge)); err != nil {
		return nil, fmt.Errorf("open mail directory: %w", err)
	}
	return &Box{store: s}, nil
}

// disk is a store in a directory.
type disk struct{ tmp, kept string }

// sweep removes what crashes left before t.
func (s *disk) sweep(t time.Time) error {
	entries, err := os.ReadDir(s.tmp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(t) {
			continue // gone, or in use
		}
		if err := os.Remove(filepath.Join(s.tmp, e.Name())); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

func (s *disk) create(id string, sync bool) (content, error) {
	f, err := os.OpenFile(filepath.Join(s.tmp, id+contentExt), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &diskContent{store: s, id: id, file: f, buffer: bufio.NewWriterSize(f, 32<<10), sync: sync}, nil
}

func (s *disk) list(prefix string) ([]string, error) {
	entries, err := os.ReadDir(s.kept) // sorted by name
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), contentExt); ok && strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// message reads an envelope. id comes from list or isWhole and so names a file of the directory.
func (s *disk) message(id string) (m Message, err error) {
	data, err := os.ReadFile(filepath.Join(s.kept, id+envelopeExt))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s isn't an envelope: %w; remove the message", id+envelopeExt, err)
	}
	m.ID = id
	return m, nil
}

func (s *disk) open(id string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(s.kept, id+contentExt))
}

// diskContent is a message in tmp/.
type diskContent struct {
	store  *disk
	id     string
	file   *os.File
	buffer *bufio.Writer
	sync   bool
}

func (c *diskContent) Write(p []byte) (int, error) { return c.buffer.Write(p) }

func (c *diskContent) commit(m Message) error {
	err := c.finish(m)
	if err != nil {
		err = errors.Join(err, c.remove())
	}
	return err
}

// finish writes both files and moves them to where they are seen: envelope first.
func (c *diskContent) finish(m Message) error {
	if err := c.buffer.Flush(); err != nil {
		return errors.Join(err, c.file.Close())
	}
	if err := c.close(c.file); err != nil {
		return err
	}
	if err := c.writeEnvelope(m); err != nil {
		return err
	}
	for _, ext := range []string{envelopeExt, contentExt} {
		if err := os.Rename(filepath.Join(c.store.tmp, c.id+ext), filepath.Join(c.store.kept, c.id+ext)); err != nil {
			return errors.Join(err, removeIfThere(filepath.Join(c.store.kept, c.id+envelopeExt)))
		}
	}
	return c.syncDirectory()
}

func (c *diskContent) writeEnvelope(m Message) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(c.store.tmp, c.id+envelopeExt), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(data, '\n')); err != nil {
		return errors.Join(err, f.Close())
	}
	return c.close(f)
}

// close closes f, after its content is on the disk where that is asked for.
func (c *diskContent) close(f *os.File) error {
	if c.sync {
		if err := f.Sync(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// syncDirectory makes the renames last. If it fails the message is taken back: it was not accepted.
func (c *diskContent) syncDirectory() error {
	if !c.sync {
		return nil
	}
	err := syncPath(c.store.kept)
	if err != nil {
		err = errors.Join(err, removeIfThere(filepath.Join(c.store.kept, c.id+contentExt)), removeIfThere(filepath.Join(c.store.kept, c.id+envelopeExt)))
	}
	return err
}

func syncPath(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (c *diskContent) discard() error { return errors.Join(c.file.Close(), c.remove()) }

// remove takes away what stands in tmp/.
func (c *diskContent) remove() error {
	return errors.Join(removeIfThere(filepath.Join(c.store.tmp, c.id+contentExt)), removeIfThere(filepath.Join(c.store.tmp, c.id+envelopeExt)))
}

func removeIfThere(file string) error {
	if err := os.Remove(file); err != nil && !isGone(err) {
		return err
	}
	return nil
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// gone says in our words that a message isn't there any more.
func gone(err error) error {
	if isGone(err) {
		return fmt.Errorf("%w; list the messages to see their ids", ErrNotFound)
	}
	return err
}
