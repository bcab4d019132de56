package settings

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// most is how large a configuration may be, in octets. The largest that are known, of Exchange organisations, have 1 MB.
const most = 8 << 20

// text is a file that was read.
type text struct {
	file    string
	lines   []string // without their ends
	windows bool     // its lines end with CRLF
}

// at is the place of lines[i].
func (t *text) at(i int) Place { return Place{File: t.file, Line: i + 1} }

// open reads a text file in UTF-8, UTF-16 or Windows-1252. What is wrong with it is a Fault.
func open(file string) (*text, *Fault) {
	content, err := octets(file)
	if err != nil {
		return nil, &Fault{Place: Place{File: file}, Text: err.Error()}
	}
	return decode(file, content)
}

// octets gives the content of a regular file, if it isn't too large.
func octets(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, because(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file; give a file, or a folder that has the files of one server")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, because(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, because(err)
	}
	if len(content) > most {
		return nil, fmt.Errorf("has %d MB, a configuration no more than %d MB: give the server's own file, not a log or a dump",
			max(info.Size(), int64(len(content)))>>20, most>>20)
	}
	return content, nil
}

// because leaves the path out of an error of the file system: the place has it.
func because(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file; give the path of one")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("it may not be read: copy it to where it may, or run this as who may read it")
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("it can't be read: %w", err)
}

// decode splits content into lines.
func decode(file string, content []byte) (*text, *Fault) {
	whole, err := characters(content)
	if err != nil {
		return nil, &Fault{Place: Place{File: file}, Text: err.Error()}
	}
	t := &text{file: file, windows: strings.Contains(whole, "\r\n")}
	whole = strings.ReplaceAll(whole, "\r\n", "\n")
	if !strings.Contains(whole, "\n") {
		whole = strings.ReplaceAll(whole, "\r", "\n") // as files of the old Mac OS
	}
	whole = strings.TrimSuffix(strings.TrimSuffix(whole, "\x1a"), "\n") // ^Z ends files of DOS
	t.lines = strings.Split(whole, "\n")
	for i, line := range t.lines {
		if at := strings.IndexFunc(line, isControl); at >= 0 {
			return nil, &Fault{Place: t.at(i), Text: fmt.Sprintf("has the octet %#02x, which no text has; expected a text file "+
				"in UTF-8, UTF-16 or Windows-1252", line[at])}
		}
	}
	return t, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\f' && r != '\r' || r == 0x7f }

// characters gives content in UTF-8, without a byte order mark.
func characters(content []byte) (string, error) {
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		content = content[3:]
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		return wide(content[2:], binary.LittleEndian)
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		return wide(content[2:], binary.BigEndian)
	case len(content) >= 4 && content[0] != 0 && content[1] == 0 && content[2] != 0 && content[3] == 0:
		return wide(content, binary.LittleEndian)
	case len(content) >= 4 && content[0] == 0 && content[1] != 0 && content[2] == 0 && content[3] != 0:
		return wide(content, binary.BigEndian)
	}
	if utf8.Valid(content) {
		return string(content), nil
	}
	return charmap.Windows1252.NewDecoder().String(string(content))
}

// wide reads UTF-16.
func wide(content []byte, order binary.ByteOrder) (string, error) {
	if len(content)%2 != 0 {
		return "", errors.New("is UTF-16 that ends amid a character: it was cut; save it anew")
	}
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = order.Uint16(content[2*i:])
	}
	return string(utf16.Decode(units)), nil
}
