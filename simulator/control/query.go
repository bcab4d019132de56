package control

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query reads the parameters of a request. What is wrong with them is answered by whoever asks ok.
type query struct {
	values url.Values
	faults []fault
}

// queryOf reads parameters, of which only known may be given, once each.
func queryOf(r *http.Request, known ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.fault("", err.Error())
	}
	for name, values := range q.values {
		switch {
		case len(known) == 0:
			q.fault(name, "there is no such parameter here, nor any other")
		case !slices.Contains(known, name):
			q.fault(name, "there is no such parameter here; there are "+strings.Join(known, ", "))
		case len(values) > 1:
			q.fault(name, "it is given more than once")
		}
	}
	return q
}

func (q *query) fault(name, detail string) { q.faults = append(q.faults, fault{"?" + name, detail}) }

// ok tells whether all could be read; else it has answered.
func (q *query) ok(w http.ResponseWriter) bool {
	if len(q.faults) == 0 {
		return true
	}
	slices.SortFunc(q.faults, func(a, b fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	problem(w, http.StatusBadRequest, "the parameters can't be read", q.faults...)
	return false
}

func (q *query) text(name string) string { return q.values.Get(name) }

// number is from 1 to most.
func (q *query) number(name string, otherwise, most int) int {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		q.fault(name, "want a number from 1 to "+strconv.Itoa(most))
	}
	return n
}

// limit is how many are wanted.
func (q *query) limit() int {
	const usual, most = 100, 10_000
	return q.number("limit", usual, most)
}

// seconds is a span from 0 to most.
func (q *query) seconds(name string, otherwise, most time.Duration) time.Duration {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= most.Seconds()) {
		q.fault(name, "want seconds, at most "+strconv.FormatFloat(most.Seconds(), 'f', -1, 64))
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

func (q *query) truth(name string) bool {
	switch q.values.Get(name) {
	case "", "false":
		return false
	case "true":
		return true
	}
	q.fault(name, "want true or false")
	return false
}

func (q *query) one(name string, of ...string) string {
	text := q.values.Get(name)
	if text != "" && !slices.Contains(of, text) {
		q.fault(name, "want one of "+strings.Join(of, ", "))
	}
	return text
}

// alone refuses whatever parameter a request has. What takes some is added to its ServeMux.
type alone struct{ *http.ServeMux }

// Handle adds a handler of requests without parameters.
func (a alone) Handle(pattern string, serve http.Handler) {
	a.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if queryOf(r).ok(w) {
			serve.ServeHTTP(w, r)
		}
	})
}

// HandleFunc is Handle for a function.
func (a alone) HandleFunc(pattern string, serve func(http.ResponseWriter, *http.Request)) {
	a.Handle(pattern, http.HandlerFunc(serve))
}
