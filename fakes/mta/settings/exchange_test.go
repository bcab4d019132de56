package settings

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func TestExchangeHub(t *testing.T) {
	s, warnings := read(t, "testdata/exchange-hub/connectors.txt")
	if s.Server != "exchange-hub" || s.Role != HubRole || len(warnings) > 0 {
		t.Errorf("server %s, role %s, warnings %v", s.Server, s.Role, warnings)
	}
	if s.Relay.Value != (Relay{Host: "smtp-relay.gmail.com", Port: 25}) || s.Relay.Place.Line != 26 {
		t.Errorf("relay %+v", s.Relay)
	}
	if s.Hello.Value != "mail.corp.example" || s.TLS.Value != OpportunisticTLS || s.Auth.Value || s.Domains[0].Value != "corp.example" {
		t.Errorf("got %+v", s)
	}
	if s.Retry.Expire.Value != 48*time.Hour || s.Retry.Intervals[0].Value != time.Minute || s.Connections.Value != 20 || s.Messages.Value != 20 {
		t.Errorf("got %+v", s)
	}
	if servers := s.Others["SourceTransportServers"]; len(servers) != 2 || servers[1].Value != "HUB2" {
		t.Errorf("source servers %v", servers)
	}
}

func TestExchangeEdge(t *testing.T) {
	setups, _, err := ReadAll("", "testdata/exchange-edge/hub.txt", "testdata/exchange-edge/edge.txt")
	if err != nil || len(setups) != 2 {
		t.Fatalf("%d setups, %v", len(setups), err)
	}
	for i, role := range []Role{HubRole, EdgeRole} {
		s := setups[i]
		if s.Server != "exchange-edge" || s.Role != role || s.Relay.Value.Host != "smtp-relay.gmail.com" || s.Others["Name"][0].Value != "EdgeSync - Default-First-Site-Name to Internet" {
			t.Errorf("%s: %+v", role, s)
		}
	}
	if setups[0].Others["EdgeSubscription.Name"][0].Value != "EDGE1" || len(setups[1].Others["ReceiveConnector.RemoteIPRanges"]) != 2 {
		t.Errorf("hub %v, edge %v", setups[0].Others, setups[1].Others)
	}
	if dn := setups[0].Others["EdgeSubscription.DistinguishedName"][0].Value; !strings.Contains(dn, "CN=Administrative Groups,CN=Corp") {
		t.Errorf("the wrapped value: %s", dn)
	}
}

// utf16File writes content as PowerShell does, in either order, with a byte order mark or without.
func utf16File(t *testing.T, content string, order binary.AppendByteOrder, mark bool) string {
	var out []byte
	if mark {
		content = "\ufeff" + content
	}
	for _, unit := range utf16.Encode([]rune(content)) {
		out = order.AppendUint16(out, unit)
	}
	return inFile(t, "connector.txt", string(out))
}

func TestExchangeInUTF16(t *testing.T) {
	content, err := os.ReadFile("testdata/exchange-hub/connectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, mark := range []bool{true, false} {
			text := string(content)
			if !mark {
				text = strings.TrimLeft(text, "\r\n") // without a mark the first letters tell
			}
			s, _ := read(t, utf16File(t, text, order, mark))
			if s.Relay.Value.Host != "smtp-relay.gmail.com" {
				t.Errorf("%v, mark %v: %+v", order, mark, s.Relay)
			}
		}
	}
}

func TestExchangeConnectors(t *testing.T) {
	const one = "Name : A\nAddressSpaces : {SMTP:*;5}\nSmartHosts : {a.example}\nPort : 25\n\n"
	for given, want := range map[string]struct {
		host string
		line int
		tls  TLS
	}{
		one: {"a.example", 3, OpportunisticTLS},
		one + "Name : B\nAddressSpaces : {SMTP:*;1}\nSmartHosts : {b.example}\n":                          {"b.example", 8, OpportunisticTLS},
		one + "Name : B\nEnabled : False\nAddressSpaces : {SMTP:*;1}\nSmartHosts : {b.example}\n":         {"a.example", 3, OpportunisticTLS},
		one + "Name : B\nAddressSpaces : {SMTP:*.b.example;1}\nSmartHosts : {b.example}\n":                {"a.example", 3, OpportunisticTLS},
		one + "Name : A\nAddressSpaces : {SMTP:*;5}\nSmartHosts : {c.example}\nRequireTLS : True\n":       {"c.example", 8, RequiredTLS},
		one + "Name : A\nAddressSpaces : {SMTP:*;5}\nRequireTLS : True\nDomainSecureEnabled : True\n":     {"a.example", 3, MutualTLS},
		"Name : A\nAddressSpaces : {SMTP:*;5}\nSmartHosts : {a.example}\nSmartHosts : {d.example}\n":      {"d.example", 4, OpportunisticTLS},
		"Name : A\nAddressSpaces : {SMTP:*;5}\nSmartHosts : {a.exa\n             mple}\n":                 {"a.example", 3, OpportunisticTLS},
		"Name : A\nAddressSpaces : {SMTP:x.example;5,\n    SMTP:*;2}\nSmartHosts : {[192.0.2.9]}\n":       {"192.0.2.9", 4, OpportunisticTLS},
		"Name : A\nAddressSpaces : {*}\nSmartHosts : {}\nDNSRoutingEnabled : True\nIgnoreSTARTTLS : True": {"", 3, NoTLS},
	} {
		s, _ := read(t, inFile(t, "send.txt", given))
		if s.Relay.Value.Host != want.host || s.Relay.Place.Line != want.line || s.TLS.Value != want.tls || !s.Relay.Known {
			t.Errorf("%q: got %+v, TLS %v, want %+v", given, s.Relay, s.TLS, want)
		}
	}
}

func TestExchangeFaults(t *testing.T) {
	const one = "Name : A\nAddressSpaces : {SMTP:*;5}\n"
	for content, want := range map[string]string{
		one + "SmartHosts : {smtp relay}\n":                                                  "send.txt:3: SmartHosts: \"smtp relay\" is no host's name",
		one + "SmartHosts : {a\n":                                                            "send.txt:3: SmartHosts: the list isn't closed",
		one + "RequireTLS : Perhaps\n":                                                       "send.txt:3: RequireTLS: \"Perhaps\": expected True or False",
		one + "Port : smtp-port\nSmartHosts : {a}\n":                                         "send.txt:3: Port: \"smtp-port\" is no port",
		one + "ConnectionInactivityTimeOut : 10 minutes\n":                                   "send.txt:3: ConnectionInactivityTimeOut: \"10 minutes\" is no time",
		one + "this is not a property\n":                                                     "send.txt:3: expected Name : value",
		"  indented\n" + one:                                                                 "send.txt:1: \"indented\" continues nothing",
		"Name : A\nAddressSpaces : {SMTP:*;x}\nSmartHosts :\n":                               "send.txt:2: AddressSpaces: \"SMTP:*;x\": expected SMTP:*;cost",
		"Name : H\nMessageRetryInterval : 999999999.00:00:00\nMaxOutboundConnections : no\n": "send.txt:2: MessageRetryInterval",
	} {
		if _, _, err := Read(inFile(t, "send.txt", content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
	_, warnings := read(t, inFile(t, "send.txt", one+"SourceTransportServers : {A, B, C, D...}\n"))
	if !strings.Contains(warnings.Error(), "FormatEnumerationLimit") {
		t.Errorf("warnings: %v", warnings)
	}
}
