package lint

import "github.com/relayspec/relayspec/reports"

// The levels, short for the table.
const (
	must   = reports.Must
	should = reports.Should
	may    = reports.May
	info   = reports.Info
)

// rules are all that a configuration is held against, in the catalogue's order but for EXTRA-IDENT, which sums others up:
// what is about every server, then what is about one. Levels and lines are the catalogue's; of DOS-CONN-REUSE, which is
// about both parties, the sender's. A rule without a setting (a menu, a restart) stands in the recipes only.
func rules() []rule {
	all := common()
	for _, own := range [][]rule{exchange(), exchange2003(), domino(), groupwise(), sendmail(), osx(), qmail(), postfix()} {
		all = append(all, own...)
	}
	return all
}

func common() []rule {
	return []rule{
		{"LIM-RCPT-RFC5321", may, "L26", "A transaction has no more than 100 recipients, which is all that RFC 5321 promises.", nil, recipients},
		{"DOS-CONN-REUSE", should, "L52", "Connections are used again, several messages over each.", nil, reuse},
		{"DOS-SCOPE-HOSTS", should, "L52", "The relay's name is spelt smtp-relay.gmail.com.", nil, spelling},
		{"HELO-UNIQUE", should, "L54", "HELO and EHLO have a name that is the server's alone.", nil, unique},
		{"HELO-FORBIDDEN", should, "L54, L131", "HELO and EHLO have neither localhost nor smtp-relay.gmail.com.", nil, forbidden},
		{"EXTRA-IDENT", must, "L141",
			"For others' domains, and for mail without a sender, the server authenticates, or presents a domain of the customer's.", nil, identified},
		{"SND-ANY-IDENT", must, "L84", "Where any address may send, the server authenticates, or has a name of the customer's.", nil, anySender},
		{"SND-FOREIGN-IDENT", must, "L84", "So it does for senders of domains that aren't the customer's.", nil, anySender},
		{"SND-EMPTY-IDENT", must, "L84", "So it does for mail without a sender, as bounces are.", nil, emptySender},
		{"AUTH-TLS", must, "L90, L129", "A server that authenticates does so in TLS.", nil, authInTLS},
		{"HOST-RELAY", must, "L122", "Mail goes to smtp-relay.gmail.com.", nil, relayHost},
		{"PORT-587-TLS", must, "L126", "Where TLS is required, mail goes to port 587, in TLS.", nil, port587},
		{"PORT-PLAIN", must, "L127", "Else it goes to port 25, 465 or 587.", nil, port},
		{"AUTH-PLAIN-IPONLY", must, "L129", "A server without TLS doesn't authenticate.", nil, authInTLS},
		{"HELO-UNIQUE-2", should, "L131", "HELO and EHLO have the server's name, or a domain of the customer's.", nil, unique},
		{"NULL-MULTI-RCPT", must, "L132", "Mail without a sender has one recipient a transaction.", nil, nullSender},
		{"EXTRA-COND-ANY", info, "L136-138", "Where any address may send, others' domains among them, more has to be set up.", nil, anySender},
		{"EXTRA-COND-EMPTY", info, "L139", "For mail without a sender more has to be set up.", nil, emptySender},
	}
}

func postfix() []rule {
	own := []string{"postfix"}
	return []rule{
		{"PF-TIMEOUT", may, "L444", "The time-outs are the defaults, or longer.", own, timeouts},
		{"PF-RELAYHOST", must, "L448-449", "relayhost = smtp-relay.gmail.com:25, without brackets.", own, relayLine},
		{"PF-EXTRA", must, "L454-459", "As EXTRA-IDENT.", own, identified},
	}
}

func osx() []rule {
	return []rule{
		{"OSX-RELAY", must, "L401", "\"Relay all mail through this host\" has smtp-relay.gmail.com.", []string{"osx"}, relayLine},
	}
}

func sendmail() []rule {
	own := []string{"sendmail"}
	return []rule{
		{"SM-TIMEOUT", may, "L370", "The time-outs are the defaults, or longer.", own, timeouts},
		{"SM-DATAFINAL-1H", must, "L370", "Timeout.datafinal is an hour at least.", own, dataFinal},
		{"SM-SMARTHOST", must, "L374-375", "define(`SMART_HOST', `smtp-relay.gmail.com'), without brackets.", own, relayLine},
	}
}

func qmail() []rule {
	own := []string{"qmail"}
	return []rule{
		{"QM-TO-DEFAULT", may, "L422", "The default time-out of 1200 s is enough.", own, qmailDefault},
		{"QM-TO-MIN-900", must, "L422", "A time-out that was changed is 900 s at least.", own, qmailLeast},
		{"QM-ROUTE", must, "L426-427", "smtproutes has the line :smtp-relay.gmail.com:25.", own, qmailRoute},
		{"QM-ROUTE-INTERNAL", must, "L428-429", "Internal domains have lines of their own in smtproutes.", own, qmailInternal},
	}
}

func groupwise() []rule {
	own := []string{"groupwise"}
	return []rule{
		{"GW-TO-COMMANDS", must, "L331", "Commands: 5 minutes.", own, groupwiseLeast(0)},
		{"GW-TO-DATA", must, "L332", "Data: 3 minutes.", own, groupwiseLeast(1)},
		{"GW-TO-CONNECT", must, "L333", "Connection Establishment: 2 minutes.", own, groupwiseLeast(2)},
		{"GW-TO-GREETING", must, "L334", "Initial Greeting: 5 minutes.", own, groupwiseLeast(3)},
		{"GW-TO-TCPREAD", must, "L335", "TCP Read: 5 minutes.", own, groupwiseLeast(4)},
		{"GW-TO-TERMINATION", must, "L336", "Connection Termination: 15 minutes.", own, groupwiseLeast(5)},
		{"GW-THREADS", should, "L348", "As many threads send as the server can bear.", own, threads},
		{"GW-RELAYHOST", must, "L350", "\"Relay Host for Outbound Messages\" has smtp-relay.gmail.com.", own, relayLine},
	}
}

func domino() []rule {
	own := []string{"domino"}
	return []rule{
		{"DOMINO-TIMEOUT", may, "L281", "The time-outs are the defaults, or longer.", own, timeouts},
		{"DOMINO-RELAYHOST", must, "L297", "\"Relay host for messages leaving the local internet domain\" has smtp-relay.gmail.com.", own, relayLine},
		{"DOMINO-RETRY", must, "L299-303", "\"Initial Transfer Retry Interval\" is one minute or more.", own, firstRetry},
	}
}

func exchange2003() []rule {
	own := []string{"exchange-2003"}
	return []rule{
		{"EX2003-RETRY", must, "L253-257", "The retry intervals are 1, 1, 3 and then 5 minutes.", own, ladder},
		{"EX2003-SMARTHOST", must, "L259-261", "The SMTP connector forwards all mail to smtp-relay.gmail.com.", own, relayLine},
		{"EX2003-IDENT", must, "L271", "As EXTRA-IDENT.", own, identified},
	}
}

func exchange() []rule {
	hub, edge := []string{"exchange-hub"}, []string{"exchange-edge"}
	return []rule{
		{"EXHUB-TIMEOUT", may, "L149", "The time-outs are the defaults, or longer.", hub, timeouts},
		{"EXHUB-SPACE", must, "L161-165", "The connector's address space is *.", hub, space},
		{"EXHUB-SUBDOM", must, "L169", "All subdomains are included.", hub, subdomains},
		{"EXHUB-SMARTHOST", must, "L171-176", "The connector routes through the smart host smtp-relay.gmail.com.", hub, smartHost},
		{"EXHUB-AUTH-NONE", info, "L178", "The smart host's authentication is None: only the address identifies the server.", hub, noAuth},
		{"EXHUB-SOURCE", must, "L181", "Every hub that is a bridgehead is a source server of the connector.", hub, sources},
		{"EXEDGE-TIMEOUT", may, "L206", "The time-outs are the defaults, or longer.", edge, timeouts},
		{"EXEDGE-CONNECTOR", must, "L212", "The connector is EdgeSync - SITE to Internet.", edge, edgeConnector},
		{"EXEDGE-SPACE", must, "L215", "The connector's address space is *.", edge, space},
		{"EXEDGE-NO-DOMSEC", must, "L218", "Domain security (mutual TLS) is off.", edge, domainSecurity},
		{"EXEDGE-SMARTHOST", must, "L218-222", "The connector routes through the smart host smtp-relay.gmail.com.", edge, smartHost},
		{"EXEDGE-SUBSCRIPTION", must, "L224", "The connector's source server is the edge subscription.", edge, subscription},
		{"EXEDGE-VERIFY", must, "L228", "The edge has the connector as the hub has it.", edge, sameOnBoth},
		{"EXEDGE-RCV-IP", must, "L230", "The edge takes mail from all hubs' addresses.", edge, hubAddresses},
		{"EXEDGE-RCV-AUTH", must, "L231", "The edge's receive connector has Exchange Server authentication.", edge, receiveAuth},
		{"EXEDGE-RCV-PERM", must, "L232", "The edge's receive connector has the permission group Exchange servers.", edge, receiveGroup},
	}
}
