// Command driver is the reference relay's driver as a stranger would write one: it reads one request from standard input
// and passes it on to the relay's API, which is at $CONTROL and guarded by $TOKEN. See package exec.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// request is what relayspec asks.
type request struct {
	Verb     string          `json:"verb"`
	World    json.RawMessage `json:"world"`
	Customer string          `json:"customer"`
	Usage    json.RawMessage `json:"usage"`
	Advance  float64         `json:"advance"`
}

const (
	failed       = 1
	notSupported = 3
)

func main() { os.Exit(run()) }

func run() int {
	var r request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return fail(err)
	}
	answer := []byte("{}")
	var err error
	switch r.Verb {
	case "describe":
		answer, err = call(http.MethodGet, "target", nil)
	case "world":
		_, err = call(http.MethodPut, "world", r.World)
	case "reset":
		_, err = call(http.MethodPost, "customers/"+url.PathEscape(r.Customer)+"/reset", nil)
	case "usage":
		_, err = call(http.MethodPut, "usage", r.Usage)
	case "clock":
		answer, err = clock(r.Advance)
	default:
		return notSupported
	}
	if err != nil {
		return fail(err)
	}
	os.Stdout.Write(answer)
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return failed
}

// clock moves the relay's clock and waits until it stands.
func clock(seconds float64) ([]byte, error) {
	if seconds > 0 {
		if _, err := call(http.MethodPost, "clock/advance", []byte(fmt.Sprintf(`{"seconds":%f}`, seconds))); err != nil {
			return nil, err
		}
	}
	for {
		said, err := call(http.MethodGet, "clock", nil)
		if err != nil {
			return nil, err
		}
		var now struct {
			Now       time.Time `json:"now"`
			Advancing bool      `json:"advancing"`
		}
		if err := json.Unmarshal(said, &now); err != nil {
			return nil, err
		}
		if !now.Advancing {
			return json.Marshal(map[string]time.Time{"now": now.Now})
		}
		time.Sleep(5 * time.Millisecond) // relayspec ends a driver that takes too long
	}
}

// call asks the relay's API.
func call(method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequest(method, "http://"+os.Getenv("CONTROL")+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode > 299 {
		err = fmt.Errorf("%s: %s", answer.Status, said)
	}
	return said, err
}
