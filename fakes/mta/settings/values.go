package settings

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// setting is a value as it is written, before it is understood.
type setting = Found[string]

// written is a setting that stands at a place.
func written(value string, at Place, text string) setting {
	return setting{Value: value, Known: true, Place: at, Text: text}
}

// byDefault is a setting that nobody wrote.
func byDefault[T any](value T) Found[T] { return Found[T]{Value: value, Known: true} }

// as gives what f came to, once understood.
func as[T any](f setting, value T) Found[T] {
	return Found[T]{Value: value, Known: true, Place: f.Place, Text: f.Text, Via: f.Via}
}

// secretly leaves out of f's line what nobody is to see.
func secretly[T any](f Found[T], text string) Found[T] {
	f.Text = text
	return f
}

// hidden stands in the place of a secret where its line is shown.
const hidden = "***"

// other adds a value of a setting by the name that its server knows it by.
func (s *Setup) other(name string, value setting) {
	if s.Others == nil {
		s.Others = map[string][]Found[string]{}
	}
	s.Others[name] = append(s.Others[name], value)
}

// hostAndPort reads host, host:port, [host] and [host]:port; a port may be smtp, submission or smtps.
func hostAndPort(value string) (Relay, error) {
	host, port, hasPort := value, "", false
	var r Relay
	if rest, ok := strings.CutPrefix(value, "["); ok {
		r.Brackets = true
		host, port, ok = strings.Cut(rest, "]")
		if !ok {
			return Relay{}, fmt.Errorf("%q has a [ without its ]; write [host] or [host]:port", value)
		}
		if port != "" {
			if port, hasPort = strings.CutPrefix(port, ":"); !hasPort {
				return Relay{}, fmt.Errorf("%q: only :port may follow the ]", value)
			}
		}
	} else if strings.Count(value, ":") <= 1 {
		host, port, hasPort = strings.Cut(value, ":")
	}
	if err := checkHost(host); err != nil {
		return Relay{}, err
	}
	r.Host = host
	if !hasPort {
		return r, nil
	}
	number, err := portNumber(port)
	r.Port = number
	return r, err
}

// checkHost says whether a name or an address can be one.
func checkHost(host string) error {
	if host == "" {
		return fmt.Errorf("the host's name is missing; write one, as in smtp-relay.gmail.com:25")
	}
	if _, err := netip.ParseAddr(strings.TrimPrefix(host, "IPv6:")); err == nil {
		return nil
	}
	for i := range len(host) {
		c := host[i] | 0x20
		if c >= 'a' && c <= 'z' || host[i] >= '0' && host[i] <= '9' || strings.IndexByte("-._", host[i]) >= 0 {
			continue
		}
		return fmt.Errorf("%q is no host's name; write letters, digits, - and ., or an address", host)
	}
	return nil
}

// portNumber reads a port or the name of one.
func portNumber(port string) (int, error) {
	switch port {
	case "smtp":
		return 25, nil
	case "submission":
		return 587, nil
	case "smtps", "submissions":
		return 465, nil
	}
	number, err := strconv.Atoi(port)
	if err != nil || number < 1 || number > 65535 {
		return 0, fmt.Errorf("%q is no port; write a number from 1 to 65535", port)
	}
	return number, nil
}

// count reads a number that isn't negative.
func count(value string) (int, error) {
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 || number > 1<<40 {
		return 0, fmt.Errorf("%q is no number; write a whole one, from 0", value)
	}
	return number, nil
}

// amount reads a number of units.
func amount(value string, unit time.Duration) (time.Duration, error) {
	number, err := count(value)
	if err == nil && time.Duration(number) > (1<<62)/unit {
		err = fmt.Errorf("%q is too long a time", value)
	}
	return time.Duration(number) * unit, err
}

// units are the letters of times that Postfix and Sendmail write.
func units() map[byte]time.Duration {
	return map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
}

// period reads times such as 300s or 1h30m; a number without a letter is of the given unit.
func period(value string, unit time.Duration) (time.Duration, error) {
	rest, total := strings.ToLower(strings.TrimSpace(value)), time.Duration(0)
	if rest == "" {
		return 0, fmt.Errorf("a time is missing; write one as 300s, 10m, 1h or 5d")
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		each := unit
		if digits < len(rest) {
			each = units()[rest[digits]]
		}
		if digits == 0 || each == 0 {
			return 0, fmt.Errorf("%q is no time; write a number with s, m, h, d or w, as 300s", value)
		}
		part, err := amount(rest[:digits], each)
		if err != nil || total+part < total {
			return 0, fmt.Errorf("%q is too long a time; write a shorter one", value)
		}
		total += part
		rest = rest[min(len(rest), digits+1):]
	}
	return total, nil
}

func errTooMuch(value string) error {
	return fmt.Errorf("%q is too much; write a smaller number", value)
}
