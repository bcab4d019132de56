package wire

import (
	"net/netip"
	"sync"
)

// peers counts the sessions of each address. An IPv6 host has a /64 to choose from, so that counts as one.
type peers struct {
	most int // 0 and less: any number

	mu       sync.Mutex
	sessions map[netip.Addr]int
}

// enter counts a session. False: there are too many, and it isn't counted.
func (p *peers) enter(peer netip.Addr) bool {
	if p.most <= 0 {
		return true
	}
	peer = oneHost(peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[peer] >= p.most {
		return false
	}
	if p.sessions == nil {
		p.sessions = make(map[netip.Addr]int)
	}
	p.sessions[peer]++
	return true
}

// leave takes back what enter counted.
func (p *peers) leave(peer netip.Addr) {
	if p.most <= 0 {
		return
	}
	peer = oneHost(peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[peer]--; p.sessions[peer] <= 0 {
		delete(p.sessions, peer)
	}
}

// oneHost gives what all addresses of a host have in common.
func oneHost(peer netip.Addr) netip.Addr {
	if !peer.Is6() {
		return peer
	}
	return netip.PrefixFrom(peer, 64).Masked().Addr()
}
