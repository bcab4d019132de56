package control

import (
	"encoding/json"
	"net/http"
	"strings"
)

// problemBody is what is answered where something is wrong. Source: RFC 9457.
type problemBody struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"`
}

// fault is one thing that is wrong in a body.
type fault struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// problem answers that something is wrong. detail says what, and what to do; faults say where, if it is a body.
func problem(w http.ResponseWriter, status int, detail string, faults ...fault) {
	body := problemBody{Title: http.StatusText(status), Status: status, Detail: detail, Errors: faults}
	write(w, status, "application/problem+json", body)
}

// answer answers with a body.
func answer(w http.ResponseWriter, status int, body any) { write(w, status, "application/json", body) }

func write(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // the client is gone: nobody is left to be told
}

// orProblem serves mux, and answers with a problem where mux knows no such path or method.
func orProblem(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &unwritten{header: http.Header{}}
		handler.ServeHTTP(refusal, r)
		if refusal.status == http.StatusMethodNotAllowed {
			allowed := refusal.header.Get("Allow")
			w.Header().Set("Allow", allowed)
			problem(w, http.StatusMethodNotAllowed, r.URL.Path+" takes "+strings.ReplaceAll(allowed, ", ", " and ")+", not "+r.Method)
			return
		}
		problem(w, http.StatusNotFound, "there is no "+r.URL.Path+" here: GET /v1/openapi.json lists what there is")
	})
}

// unwritten keeps only what an answer would have been.
type unwritten struct {
	header http.Header
	status int
}

func (u *unwritten) Header() http.Header { return u.header }
func (u *unwritten) WriteHeader(s int)   { u.status = s }
func (u *unwritten) Write(p []byte) (int, error) {
	return len(p), nil
}
