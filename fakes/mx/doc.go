// Package mx is the outside world of a relay under test: the server that it delivers to.
//
// It keeps what comes so that the judge can look at it, and refuses or defers what it is told to. It stands on
// emersion/go-smtp's server, on purpose: an implementation that shares nothing with the relay's own server, so that what
// arrives here has been understood by somebody else. It announces what go-smtp announces, without STARTTLS or AUTH.
//
// Start with Start and Sink.Wait.
package mx
