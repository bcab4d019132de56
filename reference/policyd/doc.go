// Package policyd lets a Postfix ask the relay's Engine: a policy service as check_policy_service speaks to it, so that a
// Postfix keeps the documented rules as far as its own protocol lets it. Source: Postfix's SMTPD_POLICY_README, access(5).
//
// Start with Server.Serve, then transaction.go (what is asked when); request.go reads, action.go answers.
//
// # What Postfix has to ask
//
// The service has to stand in one list of each stage, and there where nothing before it permits:
//
//	smtpd_delay_reject = no
//	smtpd_helo_required = yes
//	smtpd_helo_restrictions = check_policy_service inet:127.0.0.1:10040
//	smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:10040
//	smtpd_relay_restrictions = check_policy_service inet:127.0.0.1:10040, reject
//	smtpd_recipient_restrictions =
//	smtpd_data_restrictions = check_policy_service inet:127.0.0.1:10040
//	smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:10040
//
// It answers OK to a recipient that may be relayed to, which permits it, and DUNNO everywhere else. A restriction that
// refuses a recipient must come before it: otherwise that recipient is counted as far as recipient_count of DATA doesn't say
// better. With smtpd_delay_reject = yes Postfix goes through the lists of HELO and MAIL once more for each recipient: it is to
// ask in smtpd_relay_restrictions alone then, for each request about a recipient is one more recipient.
//
// # What is kept
//
// Every limit, exactly. Postfix names a recipient only at RCPT, so the recipients of a transaction (instance) are gathered
// there; DATA holds what they use up, and the end of the message charges it. Two sessions never both take the last place.
// A hold that Postfix doesn't end goes back when its connection asks about another transaction, when its connection ends,
// and after Options.Hold: where the end of the message comes later than that, it is asked for anew and may be refused then.
// The sender rules, TLS and AUTH as settings ask for them; sasl_username is taken for proved. The refusal of a HELO name
// closes the connection, since Postfix does so after a 421.
//
// # What can't be kept
//
//   - The words: Postfix puts the name of what it refuses and its own reason before them, in one line.
//   - With smtpd_delay_reject = yes, which is Postfix's default, refusals of HELO and MAIL come only at RCPT.
//   - <postmaster> without a domain is always accepted, without a question: as one more recipient of a null sender, too. It is
//     counted, by recipient_count.
//   - The envelope sender: a policy service can't rewrite it, so a foreign sender goes on as it is, not as postmaster@ of the
//     customer's domain (SND-POSTMASTER-REWRITE). The event says so.
//   - A connection that a refusal other than 421 closes (the switch limit-refusal=closes).
//   - What Postfix refuses after the end of the message was asked about (a milter, a full disk) is charged all the same. And a
//     transaction that is reset after DATA holds its places until something of the above happens.
//   - Greeting, EHLO, AUTH itself, sizes and the grammar are Postfix's own.
package policyd
