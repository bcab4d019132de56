package embedded

import (
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

// worldOf is the judge's world as the simulator has it.
func worldOf(w target.World) simulator.World {
	var world simulator.World
	for _, c := range w.Customers {
		customer := simulator.Customer{
			ID: c.ID, Licences: c.Licences, Edition: policy.Edition(c.Edition), Unpaid: c.Unpaid, Trial: c.Trial, Domains: c.Domains,
		}
		for _, u := range c.Users {
			user := simulator.User{Address: u.Address, Password: u.Password, Aliases: u.Aliases}
			for _, t := range u.Tokens {
				user.Tokens = append(user.Tokens, simulator.Token(t))
			}
			customer.Users = append(customer.Users, user)
		}
		for _, s := range c.Settings {
			customer.Settings = append(customer.Settings, settingOf(s))
		}
		world.Customers = append(world.Customers, customer)
	}
	return world
}

func settingOf(s target.Setting) simulator.Setting {
	setting := simulator.Setting{
		Description: s.Description, Disabled: s.Disabled, Senders: policy.Senders(s.Senders),
		ByAddress: s.ByAddress, RequireAuth: s.RequireAuth, RequireTLS: s.RequireTLS,
	}
	for _, a := range s.Addresses {
		setting.Addresses = append(setting.Addresses, simulator.AddressEntry(a))
	}
	return setting
}
