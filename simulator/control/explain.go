package control

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

// question is a transaction that is asked about.
type question struct {
	Peer       string      `json:"peer"`
	Port       policy.Role `json:"port"`
	Helo       string      `json:"helo"`
	User       string      `json:"user"`
	TLS        bool        `json:"tls"`
	Sender     string      `json:"sender"`
	Recipients []string    `json:"recipients"`
	Size       int64       `json:"size"`
}

// explain tells what the relay would say to a transaction, and charges nothing.
func (s *Server) explain(w http.ResponseWriter, _ *http.Request, q *question) {
	peer, err := netip.ParseAddr(cmp.Or(q.Peer, "127.0.0.1"))
	if err != nil {
		wrong(w, "/peer", strconv.Quote(q.Peer)+" is no IP address")
		return
	}
	f := &policy.Facts{
		Session: "explain", Peer: peer.Unmap(), Port: cmp.Or(q.Port, policy.Port25), TLS: q.TLS || q.Port == policy.Port465,
		Helo: cmp.Or(q.Helo, "client.example"), Extended: true, Now: s.options.Clock.Now(),
		Sender: simulator.ParseAddress(q.Sender), Size: q.Size,
	}
	if q.User != "" {
		user := s.world.Load().User(simulator.ParseAddress(q.User))
		if user == nil {
			wrong(w, "/user", "no user's primary address is "+q.User)
			return
		}
		f.User = user.ID
	}
	e := s.ask(f, q.Recipients)
	e.At, e.Sender = f.Now.UTC(), q.Sender
	answer(w, http.StatusOK, e)
}

// ask goes through the stages of a transaction, as far as one refuses.
func (s *Server) ask(f *policy.Facts, recipients []string) explanation {
	p := s.policy()
	service := s.options.Service
	if d := p.Decide(policy.Helo, f); d.Refused() {
		return s.refused(policy.Helo, f, d)
	}
	if f.User != "" && !f.TLS {
		return s.refused(policy.Auth, f, policy.Decision{Reply: service.Replies[policy.ReplyTLSRequired], Rule: "AUTH-TLS"})
	}
	if most := service.Limits.MessageSize; most > 0 && f.Size > most {
		return s.refused(policy.Mail, f, policy.Decision{Reply: service.Replies[policy.ReplyTooBig], Rule: "RFC1870-6/size"})
	}
	if d := p.Decide(policy.Mail, f); d.Refused() {
		return s.refused(policy.Mail, f, d)
	}
	for _, recipient := range recipients {
		f.Rcpt = simulator.ParseAddress(recipient)
		d := p.Decide(policy.Rcpt, f)
		if refusal, ok := s.overdrawn(p, &d); ok && !d.Refused() {
			d = refusal
		}
		if d.Refused() {
			f.Recipients = append(f.Recipients, f.Rcpt)
			e := s.refused(policy.Rcpt, f, d)
			e.Recipient = recipient
			return e
		}
		f.Recipients = append(f.Recipients, f.Rcpt)
	}
	return s.atEnd(p, f)
}

// atEnd goes on with DATA and the final dot.
func (s *Server) atEnd(p *policy.Policy, f *policy.Facts) explanation {
	admitted := policy.Decision{}
	for _, stage := range []policy.Stage{policy.Data, policy.Accept} {
		d := p.Decide(stage, f)
		if refusal, ok := s.overdrawn(p, &d); ok && !d.Refused() {
			d = refusal
		}
		if d.Refused() {
			return s.refused(stage, f, d)
		}
		if stage == policy.Data {
			admitted = d
		}
	}
	return explanation{
		Accepted: true, Stage: policy.Accept.String(), Rule: admitted.Rule, Why: meaning(admitted.Rule),
		Reply: s.reply(s.options.Service.Replies[policy.ReplyAccepted]), Counters: s.look(p.Charge(f)),
	}
}

// overdrawn is the decision where a charge doesn't fit.
func (s *Server) overdrawn(p *policy.Policy, d *policy.Decision) (policy.Decision, bool) {
	if len(d.Charge.Items()) == 0 {
		return policy.Decision{}, false
	}
	for _, standing := range s.options.Ledger.Look(s.options.Clock.Now(), d.Charge) {
		if !standing.Fits {
			return p.Refuse(&standing.Item), true
		}
	}
	return policy.Decision{}, false
}

// refused explains a refusal at stage.
func (s *Server) refused(stage policy.Stage, f *policy.Facts, d policy.Decision) explanation {
	e := explanation{Stage: stage.String(), Reply: s.reply(d.Reply)}
	e.refuse(d.Rule, s.look(s.policy().Charge(f)))
	if d.Bucket {
		e.Why += "; names of one label are refused only once the client has used up those that it may give"
	}
	return e
}

// reply is a reply as it would be said.
func (s *Server) reply(r policy.Reply) *replyBody {
	r = r.Expand("id", "explain", "unix", strconv.FormatInt(s.options.Clock.Now().Unix(), 10))
	return &replyBody{r.Code, r.Enhanced, r.Lines}
}
