package control

import "slices"

// recent is a list of the newest, at most most of them. Whoever has it guards it.
type recent[T any] struct {
	most  int
	items []T // oldest first
}

// add appends item, and gives what has to go for it.
func (r *recent[T]) add(item T) (gone T, full bool) {
	r.items = append(r.items, item)
	if len(r.items) <= r.most {
		return gone, false
	}
	gone = r.items[0]
	r.items = slices.Delete(r.items, 0, 1)
	return gone, true
}

// newest gives those that are chosen, the newest first, at most limit.
func (r *recent[T]) newest(limit int, chosen func(T) bool) []T {
	found := []T{}
	for i := len(r.items) - 1; i >= 0 && len(found) < limit; i-- {
		if chosen(r.items[i]) {
			found = append(found, r.items[i])
		}
	}
	return found
}
