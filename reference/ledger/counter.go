package ledger

import "github.com/relayspec/relayspec/reference/policy"

// counter is what one limit counts with: units, of which every one counts, and recipients, of which each counts once.
// A counter of either kind uses just its own, but for what Set put there: that is always units, for nobody can send
// again to a recipient without a name. Source: CNT-UNIQ-VS-TOTAL.
type counter struct {
	units timeline
	held  int         // units in holds
	seen  *recipients // nil before the first Distinct charge
}

// used is where the counter stands, holds included.
func (c *counter) used() int {
	used := c.units.live + c.held
	if c.seen != nil {
		used += c.seen.count()
	}
	return used
}

func (c *counter) expire(floor tick) {
	c.units.expire(floor)
	if c.seen != nil {
		c.seen.expire(floor)
	}
}

// clear forgets what was used. What is in holds stays held.
func (c *counter) clear() {
	c.units = newTimeline()
	if c.seen == nil {
		return
	}
	if c.seen.pinned == 0 {
		c.seen = nil
		return
	}
	c.seen.clear()
}

// part is what a hold has of one counter.
type part struct {
	user    *user
	counter *counter
	kind    policy.Kind
	amount  int // Total: units
	window  policy.Window
}

func (p *part) hold(hashes []uint64, floor tick) {
	c := p.counter
	if p.kind == policy.Total {
		c.held += p.amount
		return
	}
	if c.seen == nil {
		c.seen = newRecipients(floor)
	}
	c.seen.hold(hashes)
}

func (p *part) release(hashes []uint64) {
	if p.kind == policy.Total {
		p.counter.held -= p.amount
		return
	}
	p.counter.seen.release(hashes)
}

// commit files the part under stamp, and gives the stamp that it got.
func (p *part) commit(hashes []uint64, stamp tick) tick {
	c := p.counter
	if p.kind == policy.Total {
		c.held -= p.amount
		return c.units.add(stamp, p.amount)
	}
	return c.seen.commit(hashes, stamp)
}
