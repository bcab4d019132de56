package mail

import "strings"

// IDOf gives the identifier that a server's trace gives a message, as it is in its queue; "": it gives none.
func IDOf(content []byte) string {
	header, _ := split(content)
	return original{Headers: strings.ReplaceAll(string(header), "\r\n", "\n")}.ID()
}
