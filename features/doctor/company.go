package doctor

import (
	"crypto/rand"
	"strings"

	"github.com/relayspec/relayspec/features/target"
)

// Company is a world of one customer that nobody else has, whose mail is taken from this machine, and the roles in it: for a
// relay whose driver makes customers exist, where no others are known.
func Company() (target.World, target.Roles) {
	domain := "doctor-" + strings.ToLower(rand.Text()[:12]) + ".example"
	sender := "doctor@" + domain
	world := target.World{Customers: []target.Customer{{
		ID: domain, Licences: 1, Domains: []string{domain},
		Users: []target.User{{Address: sender, Password: rand.Text()}},
		Settings: []target.Setting{{
			Description: "Doctor", Senders: target.MyDomains, ByAddress: true,
			Addresses: []target.AddressEntry{{Description: "IPv4", Range: "127.0.0.1"}, {Description: "IPv6", Range: "::1"}},
		}},
	}}}
	return world, target.Roles{Client: "client.example", Sender: sender, Recipients: []string{"*@elsewhere.example"}}
}
