// Package control is the HTTP API that steers a running relay: who exists, what has been used, what time it is, what goes
// wrong; and shows what the relay did. Its document is openapi.yaml, which every body is checked against.
//
// It decides nothing: policy, ledger and clock do, and it asks them. Start with New, then Server.Join and Server.Steer;
// each resource has a file of its own.
package control
