package control

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
	gone, r.items[0] = r.items[0], gone // nothing keeps it there
	r.items = r.items[1:]               // append makes room anew, once in a while
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
