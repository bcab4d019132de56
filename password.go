package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/relayspec/relayspec/reference/directory"
)

// password is the command that hashes a password for a world file.
type password struct {
	Cost int `default:"10" help:"bcrypt's cost, 4 to 16; one more takes twice as long. Default: ${default}."`
}

// Help teaches by example.
func (password) Help() string {
	return `Reads a password from standard input, one line, and prints the password-hash for a user of a world file.

  echo 'correct horse' | relayspec password`
}

// Run hashes.
func (c *password) Run(s *streams) error {
	prompt(s)
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the password: %w", err)
	}
	hash, err := directory.HashPassword(strings.TrimRight(line, "\r\n"), c.Cost)
	if err != nil {
		return wrong(err, "Give 1 to 72 octets on standard input: echo 'correct horse' | relayspec password")
	}
	_, err = fmt.Fprintln(s.out, hash)
	return err
}

// prompt tells whoever sits at a terminal that something is waited for.
func prompt(s *streams) {
	file, ok := s.in.(*os.File)
	if !ok {
		return
	}
	if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprint(s.err, "password (it is shown as you type): ")
	}
}
