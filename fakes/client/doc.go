// Package client is the one SMTP client engine of relayspec: plan in, transcript out.
//
// It says what it is told to, also what no honest client says: lock-step or pipelined, in clear text, after STARTTLS or
// with TLS from the start, with AUTH, raw octets, from any local source address. Every line is recorded with its time.
// It shares no code with the relay (law 2 of the architecture): it has its own lines, replies and base64. It decides
// nothing for a sending server: when to retry, and what to try next, is fakes/mta's.
//
// What a relay answers is a value (Reply, Outcome), refusals too. An error means that the dialogue itself failed:
// *TimeoutError (nothing came in time), *ProtocolError (what came is no reply, or the connection ended), or an error of
// the connection being made.
//
// Start with Dialer.Dial and Conn; Plan and Run put a whole session into data.
package client
