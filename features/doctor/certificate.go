package doctor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// certificate looks at what the relay showed: its dates, its names, who signed it, and how strong it is.
func (v *visit) certificate(state *tls.ConnectionState) {
	if len(state.PeerCertificates) == 0 {
		v.tell("certificate", Failure, "it shows none", "Give the relay a certificate")
		return
	}
	leaf := state.PeerCertificates[0]
	v.dates(leaf)
	v.strength(leaf)
	v.trust(state.PeerCertificates)
}

func (v *visit) dates(leaf *x509.Certificate) {
	now, date := v.now(), func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
	switch left := leaf.NotAfter.Sub(now); {
	case left < 0:
		v.tell("certificate dates", Failure, fmt.Sprintf("it expired on %s, %s ago", date(leaf.NotAfter), span(-left)), "Renew the certificate and have the relay read it again")
	case now.Before(leaf.NotBefore):
		v.tell("certificate dates", Failure, "it isn't valid before "+date(leaf.NotBefore), "Wait, or set the clock right: this machine's, or that of the authority")
	case left < expiresSoon:
		v.tell("certificate dates", Warning, fmt.Sprintf("it expires on %s, in %s", date(leaf.NotAfter), span(left)), "Renew it soon")
	default:
		v.tell("certificate dates", OK, "valid until "+date(leaf.NotAfter), "")
	}
}

// span says how long d is.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", d/day)
}

// strength looks at key and signature. Source: NIST SP 800-131A (RSA below 2048 bits, SHA-1 signatures: disallowed).
func (v *visit) strength(leaf *x509.Certificate) {
	const todo = "Have a new one made: RSA of 2048 bits or more, or ECDSA on P-256, signed with SHA-256"
	key := leaf.PublicKeyAlgorithm.String()
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		key = fmt.Sprintf("RSA of %d bits", k.N.BitLen())
		if k.N.BitLen() < 2048 {
			v.tell("certificate strength", Failure, key, todo)
			return
		}
	case *ecdsa.PublicKey:
		key = "ECDSA on " + k.Curve.Params().Name
	}
	switch leaf.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD2WithRSA:
		v.tell("certificate strength", Failure, "signed with "+leaf.SignatureAlgorithm.String(), todo)
		return
	}
	v.tell("certificate strength", OK, key+", signed with "+leaf.SignatureAlgorithm.String(), "")
}

// trust looks at the names and the chain. The dates have been looked at: the chain is, as of a moment when the certificate
// is good.
func (v *visit) trust(chain []*x509.Certificate) {
	leaf, bad := chain[0], Failure
	if v.lenient() {
		bad = Warning // nobody checks it there
	}
	name := v.serverName()
	if err := leaf.VerifyHostname(name); err != nil {
		v.tell("certificate name", bad, fmt.Sprintf("it isn't for %s: %v", name, err), "Have it made for that name, or write the name that it is for: tls: {server-name: NAME}")
	} else {
		v.tell("certificate name", OK, "it is for "+name, "")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	moment := v.now()
	if moment.After(leaf.NotAfter) || moment.Before(leaf.NotBefore) {
		moment = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: v.Roots, Intermediates: between, CurrentTime: moment})
	unknown := x509.UnknownAuthorityError{}
	switch {
	case err == nil:
		v.tell("certificate chain", OK, "signed by "+leaf.Issuer.String(), "")
	case errors.As(err, &unknown) && bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		v.tell("certificate chain", bad, "it is signed by itself", "Have an authority sign it, or give the judge the certificate to trust: tls: {ca: FILE}")
	case errors.As(err, &unknown):
		v.tell("certificate chain", bad, "nobody knows who signed it: "+leaf.Issuer.String(), "Have the relay send the certificates between, or give the judge the authority's: tls: {ca: FILE}")
	default:
		v.tell("certificate chain", bad, err.Error(), "Have it made anew, for servers")
	}
}

// lenient tells whether the profile lets any certificate do.
func (v *visit) lenient() bool {
	config := v.Dialers[v.role].TLS
	return config != nil && config.InsecureSkipVerify
}

// serverName is whom TLS asks for.
func (v *visit) serverName() string {
	if v.dialer.TLS.ServerName != "" {
		return v.dialer.TLS.ServerName
	}
	host, _, err := net.SplitHostPort(v.dialer.Address)
	if err != nil {
		return v.dialer.Address
	}
	return host
}
