// Package client is the one SMTP client engine of relayspec: plan in, transcript out.
//
// It says what it is told to, also what no honest client says: lock-step or pipelined, in clear text, after STARTTLS or
// with TLS from the start, with AUTH, raw octets, from any local source address. Every line is recorded with its time.
// It shares no code with the relay (law 2 of the architecture): it has its own lines, replies and base64.
//
// Start with Dialer.Dial and Conn.
package client
