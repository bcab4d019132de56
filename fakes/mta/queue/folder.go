package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
)

// A folder has two files a message: what was submitted, and what is known of it. The second one makes it queued: it is
// written last and removed first. Both are written under another name, and renamed when they are whole.
const (
	contentEnding  = ".eml"
	envelopeEnding = ".json"
	partEnding     = ".part"
	lockName       = "lock"
)

// folder is where a queue is kept.
type folder struct {
	path   string
	lock   *os.File
	serial atomic.Uint64 // the last one given
}

// openFolder makes a folder where there is none, and takes it for this process.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the queue folder: %w; name one that can be written", err)
	}
	file, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write to the queue folder: %w; name one that can be written", err)
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(fmt.Errorf("the queue folder %s is in use by another process (%w); name another one", path, err), file.Close())
	}
	return &folder{path: path, lock: file}, nil
}

func (f *folder) close() error {
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("close the queue folder: %w", err)
	}
	return nil
}

func (f *folder) name(serial uint64, ending string) string {
	return filepath.Join(f.path, fmt.Sprintf("%016x%s", serial, ending))
}

// items reads what is in the folder, in the order in which it came, and removes what was never queued.
func (f *folder) items() ([]*Item, error) {
	files, err := os.ReadDir(f.path) // sorted: by serial
	if err != nil {
		return nil, fmt.Errorf("read the queue folder: %w", err)
	}
	var items []*Item
	for _, file := range files {
		serial, ending, ours := ourFile(file.Name())
		if !ours {
			continue
		}
		f.serial.Store(max(f.serial.Load(), serial))
		switch ending {
		case envelopeEnding:
			i, err := f.item(serial)
			if err != nil {
				return nil, err
			}
			items = append(items, i)
		case contentEnding:
			_, err = os.Lstat(f.name(serial, envelopeEnding))
			if errors.Is(err, fs.ErrNotExist) {
				err = os.Remove(f.name(serial, contentEnding))
			}
		case contentEnding + partEnding, envelopeEnding + partEnding:
			err = os.Remove(f.name(serial, ending))
		}
		if err != nil {
			return nil, fmt.Errorf("tidy the queue folder: %w", err)
		}
	}
	return items, nil
}

// ourFile takes the name of a queue's file apart.
func ourFile(name string) (serial uint64, ending string, ours bool) {
	stem, _, found := strings.Cut(name, ".")
	serial, err := strconv.ParseUint(stem, 16, 64)
	return serial, strings.TrimPrefix(name, stem), found && err == nil && len(stem) == 16 && serial > 0
}

// item reads what is known of a message.
func (f *folder) item(serial uint64) (*Item, error) {
	name := f.name(serial, envelopeEnding)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the queue folder: %w", err)
	}
	var m Message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s is no message of a queue: %w; move it out of the folder", name, err)
	}
	i := pack(m)
	if m.ID == "" || len(m.Recipients) == 0 || i.Waiting() != len(m.Recipients) {
		return nil, fmt.Errorf("%s is no message of a queue: %w; move it out of the folder", name, ErrUnfit)
	}
	if _, err := os.Stat(f.name(serial, contentEnding)); err != nil {
		return nil, fmt.Errorf("%s has lost its content: %w; move it out of the folder", name, err)
	}
	i.serial = serial
	return i, nil
}

// add keeps a message; when it returns the message outlives the process.
func (f *folder) add(m Message, content []byte) (uint64, error) {
	serial := f.serial.Add(1)
	if err := f.write(serial, contentEnding, content, true); err != nil {
		return 0, err
	}
	if err := f.envelope(serial, m, true); err != nil {
		return 0, errors.Join(err, os.Remove(f.name(serial, contentEnding)))
	}
	if err := syncFolder(f.path); err != nil {
		return 0, errors.Join(err, f.remove(serial))
	}
	return serial, nil
}

// update keeps what has changed of a message. It survives the process, not the machine: then the message is tried as it
// was before.
func (f *folder) update(serial uint64, m Message) error { return f.envelope(serial, m, false) }

func (f *folder) envelope(serial uint64, m Message, sure bool) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return f.write(serial, envelopeEnding, data, sure)
}

func (f *folder) content(serial uint64) ([]byte, error) {
	data, err := os.ReadFile(f.name(serial, contentEnding))
	if err != nil {
		return nil, fmt.Errorf("read a message of the queue: %w", err)
	}
	return data, nil
}

// remove ends a message.
func (f *folder) remove(serial uint64) error {
	if err := os.Remove(f.name(serial, envelopeEnding)); err != nil {
		return err
	}
	return os.Remove(f.name(serial, contentEnding))
}

// write makes a file whole, or not at all. sure: it is on the disk when write returns.
func (f *folder) write(serial uint64, ending string, data []byte, sure bool) error {
	name := f.name(serial, ending)
	err := writePart(name+partEnding, data, sure)
	if err == nil {
		err = os.Rename(name+partEnding, name)
	}
	if err != nil {
		os.Remove(name + partEnding) // what matters is that it couldn't be written
		return fmt.Errorf("%w; free space in the queue folder, or name another one", err)
	}
	return nil
}

func writePart(name string, data []byte, sure bool) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil && sure {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
