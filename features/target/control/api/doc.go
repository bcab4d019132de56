// Package api is the client of the API that steers a relay, generated from its document, simulator/control/openapi.yaml.
//
// It holds nothing that was written by hand. Start with NewClientWithResponses.
package api

//go:generate go tool oapi-codegen -config config.yaml -o client.gen.go ../../../../simulator/control/openapi.yaml
