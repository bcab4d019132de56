package features

import (
	"context"
	"errors"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

func twoColumns(cells ...string) *godog.Table {
	table := &godog.Table{}
	for i := 0; i+1 < len(cells); i += 2 {
		table.Rows = append(table.Rows, &messages.PickleTableRow{
			Cells: []*messages.PickleTableCell{{Value: cells[i]}, {Value: cells[i+1]}},
		})
	}
	return table
}

// stepping gives a scenario and the context in which its steps find it.
func stepping(tgt target.Target) (context.Context, *scenario) {
	s := newScenario(judged{target: tgt, namespace: "t1", transcript: &transcript.Transcript{}})
	return context.WithValue(context.Background(), scenarioKey{}, s), s
}

func TestCustomerTable(t *testing.T) {
	ctx, s := stepping(nil)
	err := aCustomerWith(ctx, "acme", "1,000", twoColumns(
		"domains", "acme.example, acme-labs.example", "users", "anna@acme.example", "billing", "trial", "edition", "legacy free"))
	if err != nil {
		t.Fatal(err)
	}
	want := target.Customer{
		ID: "acme-t1", Licences: 1000, Edition: "legacy-free", Unpaid: true, Trial: true,
		Domains:  []string{"acme-t1.example", "acme-labs-t1.example"},
		Users:    []target.User{{Address: "anna@acme-t1.example", Password: "secret of anna@acme-t1.example"}},
		Settings: []target.Setting{{Description: "Default", Senders: target.MyDomains, ByAddress: true, Addresses: loopback()}},
	}
	if diff := cmp.Diff(target.World{Customers: []target.Customer{want}}, s.world.complete()); diff != "" {
		t.Errorf("world (-want +got):\n%s", diff)
	}
}

func TestSettingTable(t *testing.T) {
	listed := func(ranges ...string) []target.AddressEntry {
		var es []target.AddressEntry
		for i, r := range ranges {
			es = append(es, target.AddressEntry{Description: "entry " + string(rune('1'+i)), Range: r})
		}
		return es
	}
	for name, c := range map[string]struct {
		table *godog.Table
		want  target.Setting
	}{
		"addresses by default": {
			twoColumns("allowed senders", "any"),
			target.Setting{Senders: target.AnyAddress, ByAddress: true, Addresses: loopback()},
		},
		"AUTH in place of addresses": {
			twoColumns("SMTP AUTH", "required"),
			target.Setting{Senders: target.MyDomains, RequireAuth: true},
		},
		"both": {
			twoColumns("SMTP AUTH", "required", "addresses", "127.0.0.1, 10.0.0.0/8"),
			target.Setting{Senders: target.MyDomains, RequireAuth: true, ByAddress: true, Addresses: listed("127.0.0.1", "10.0.0.0/8")},
		},
		"TLS, disabled": {
			twoColumns("TLS", "required", "enabled", "no", "addresses", "none"),
			target.Setting{Senders: target.MyDomains, RequireTLS: true, Disabled: true},
		},
		"a disabled entry": {
			twoColumns("addresses", "::1 (disabled)"),
			target.Setting{Senders: target.MyDomains, ByAddress: true,
				Addresses: []target.AddressEntry{{Description: "entry 1", Range: "::1", Disabled: true}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := stepping(nil)
			if err := errors.Join(aCustomer(ctx, "acme", "1"), hasSetting(ctx, "acme", "Office", c.table)); err != nil {
				t.Fatal(err)
			}
			c.want.Description = "Office"
			if diff := cmp.Diff([]target.Setting{c.want}, s.world.complete().Customers[0].Settings); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTablesThatNobodyUnderstandsAreErrors(t *testing.T) {
	ctx, _ := stepping(nil)
	for name, table := range map[string]*godog.Table{
		"an unknown row":    twoColumns("colour", "red"),
		"an unknown word":   twoColumns("billing", "sometimes"),
		"a number in words": twoColumns("licences", "many"),
		"three columns":     {Rows: []*messages.PickleTableRow{{Cells: make([]*messages.PickleTableCell, 3)}}},
	} {
		if err := aCustomerWith(ctx, "acme", "1", table); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := hasSetting(ctx, "globex", "Office", twoColumns()); err == nil {
		t.Error("a setting of a customer that nobody made was taken")
	}
}

func TestAWorldWithoutAVerbIsMissingNotFailing(t *testing.T) {
	ctx, _ := stepping(bareTarget{})
	if err := aCustomer(ctx, "acme", "1"); err != nil {
		t.Fatal(err)
	}
	err := relays(ctx, "app@acme.example", "a message")
	missing := new(Missing)
	if !errors.As(err, &missing) || missing.Capability != target.CanApply {
		t.Errorf("got %v, want the capability %s missing", err, target.CanApply)
	}
}

// bareTarget has no verb and serves no port.
type bareTarget struct{}

func (bareTarget) Describe() target.Description { return target.Description{Name: "bare"} }

func (bareTarget) Address(target.Role) string { return "" }
