// Package relaytest puts a relay into a Go test: one that keeps the documented rules of an SMTP relay service, on loopback
// ports of its own, with a clock that the test moves. The code under test sends mail to it as to the real one; the test
// waits for messages, uses limits up, moves to the next day, and makes things go wrong.
//
//	func TestReceipts(t *testing.T) {
//		relay := relaytest.New(t)
//		shop := NewShop(relay.Address())
//		shop.Sell("bob@other.example")
//		receipt := relay.WaitForMessage(relaytest.To("bob@other.example"))
//		if receipt.Subject() != "Your receipt" {
//			t.Error(receipt.Subject())
//		}
//
//		relay.Use(relaytest.Usage{Counter: relaytest.UserMessages, User: "anna@acme.example", Amount: 10_000})
//		// What does the shop make of 550 5.4.5?
//		relay.Advance(24 * time.Hour)
//		// Does it send again?
//	}
//
// Every relay has its own ports, customers, clock and mail, so tests may run in parallel. It takes a few milliseconds to
// start, and ends with its test. It needs neither files nor other programs, and delivers nothing to anybody.
//
// The service refuses a client that introduces itself as localhost, as net/smtp and go-smtp do unless they are told
// otherwise: 421 4.7.0, of which net/smtp tells only EOF. Set the name, with smtp.Client.Hello, to one such as
// mail.acme.example; or let it pass with Options.Switches, generic-helo: lenient.
//
// Start with New. DefaultWorld says who may relay.
package relaytest
