// Package mailbox keeps accepted mail to look at: what a lab's relay took, with its envelope, newest first.
//
// It isn't a spool: nothing here waits for delivery. A message is there whole or not at all: it is written beside and
// renamed into place, so that a full disk or a crash never shows half a message.
//
// Start with Box and its three makers: Open (a directory), Memory and Discard.
package mailbox
