package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes run to the file path in the format of write. A file of that name is replaced and appears whole or not at
// all; what is there and no file, a pipe or a device, is written to.
func WriteFile(path string, run *Run, write Writer) error {
	return WriteWhole(path, func(w io.Writer) error { return write(w, run) })
}

// WriteWhole is WriteFile for what isn't a run.
func WriteWhole(path string, write func(io.Writer) error) error {
	place, device, err := placeFor(path)
	if err == nil {
		to := writeFile
		if device {
			to = writeDevice
		}
		err = to(place, write)
	}
	if err != nil {
		return fmt.Errorf("write the report to %s: %w", path, err)
	}
	return nil
}

// AppendSummary appends run to the file path as Markdown, as GitHub wants its step summaries written: what other commands
// of the step have written stays, and all of it together keeps to MaxSummary.
func AppendSummary(path string, run *Run) error {
	if err := appendSummary(path, run); err != nil {
		return fmt.Errorf("append the report to %s: %w", path, err)
	}
	return nil
}

func appendSummary(path string, run *Run) (err error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	left := int64(MaxSummary)
	if info.Mode().IsRegular() {
		left -= info.Size()
	}
	if left <= cutOctets {
		return fmt.Errorf("%d octets stand there, and a step summary holds %d", info.Size(), MaxSummary)
	}
	buffered := bufio.NewWriter(file)
	if err := WriteMarkdown(buffered, run, MarkdownOptions{Limit: int(left)}); err != nil {
		return err
	}
	return buffered.Flush()
}

// CheckFile tells before a run whether a report could be written to path after it. It leaves nothing behind.
func CheckFile(path string) error {
	place, device, err := placeFor(path)
	if err == nil && !device {
		err = tryFile(filepath.Dir(place))
	}
	if err != nil {
		return fmt.Errorf("a report can't be written to %s: %w", path, err)
	}
	return nil
}

// placeFor follows links from path to the place where a file is to stand, and tells whether a device or a pipe stands there.
func placeFor(path string) (place string, device bool, err error) {
	place, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	if err != nil {
		return "", false, err
	}
	info, err := os.Stat(place)
	switch {
	case err != nil:
		return "", false, err
	case info.IsDir():
		return "", false, errors.New("it is a directory")
	}
	return place, !info.Mode().IsRegular(), nil
}

func writeDevice(path string, write func(io.Writer) error) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffered := bufio.NewWriter(file)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// writeFile writes path beside itself, to the disk, and then renames it: it appears whole or not at all.
func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close() // a second time after success of Close does no harm
			os.Remove(file.Name())
		}
	}()
	buffered := bufio.NewWriter(file)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
