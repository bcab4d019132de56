package directory

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/relayspec/relayspec/reference/policy"
)

const (
	maxPassword = 72 // octets; bcrypt looks at no more
	maxCost     = 16 // a check takes seconds from here on
	hashTail    = 53 // salt and digest, in bcrypt's base64
)

// HashPassword gives the bcrypt hash that stands in a world file as password-hash.
// Cost: 4 to 16, each step doubles the time of a check; 0: bcrypt's default. The password has 1 to 72 octets.
func HashPassword(password string, cost int) (string, error) {
	if fault := passwordFault(password); fault != "" {
		return "", errors.New("hash a password: " + fault)
	}
	if cost == 0 {
		cost = bcrypt.DefaultCost
	}
	if cost < bcrypt.MinCost || cost > maxCost {
		return "", fmt.Errorf("hash a password: cost %d; take %d to %d", cost, bcrypt.MinCost, maxCost)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(hash), nil
}

// CheckPassword tells whether password is u's. u may be nil. An unknown user, and one without a password, takes as long
// as a known one, so that the time of an answer doesn't tell who exists. Source: AUTH-CREDS.
func (d *Directory) CheckPassword(u *policy.User, password string) bool {
	hash, able := d.decoy, false
	if u != nil && u.PasswordHash != "" {
		hash, able = []byte(u.PasswordHash), len(password) <= maxPassword
	}
	err := bcrypt.CompareHashAndPassword(hash, []byte(password))
	return err == nil && able
}

func passwordFault(password string) string {
	switch {
	case password == "":
		return "the password is empty; write one, or leave the key out for a user who can't authenticate"
	case len(password) > maxPassword:
		return "the password is longer than 72 octets, which is all that bcrypt looks at; write a shorter one"
	}
	return ""
}

func hashFault(hash string) string {
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil || !hasHashForm(hash):
		return "password-hash is no bcrypt hash; write 60 characters that begin with $2a$, $2b$ or $2y$, in quotes"
	case cost > maxCost:
		return fmt.Sprintf("password-hash has cost %d, a check would take seconds; take at most %d", cost, maxCost)
	}
	return ""
}

// hasHashForm looks at what bcrypt.Cost leaves open. A hash that fails later than here would fail fast, which tells who exists.
func hasHashForm(hash string) bool {
	version, tail := hash[:len(hash)-hashTail], hash[len(hash)-hashTail:]
	if len(version) != len("$2a$10$") || version[:2] != "$2" || !strings.Contains("aby", version[2:3]) {
		return false
	}
	for i := range len(tail) {
		if c := tail[i]; !isLetterOrDigit(c) && c != '.' && c != '/' {
			return false
		}
	}
	return true
}

// decoyHash is a hash of the highest cost that a user has, of no password.
func decoyHash(users []*policy.User) []byte {
	cost := bcrypt.MinCost
	for _, u := range users {
		if c, err := bcrypt.Cost([]byte(u.PasswordHash)); err == nil {
			cost = max(cost, c)
		}
	}
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, strings.Repeat(".", hashTail))
}
