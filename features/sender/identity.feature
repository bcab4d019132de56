@documented
Feature: Senders of other domains, and no sender at all

  Mail of a sender in none of the customer's domains, or of none, as bounces are, is the customer's only where the server
  says who it is: by AUTH, or by a domain of the customer's in HELO or EHLO.

  @SND-FOREIGN-IDENT @must @needs.known-name
  Rule: A server that sends for other domains says whose it is
    Document: line 84.

    @SND-ANY-IDENT @EXTRA-IDENT @EXTRA-COND-ANY @PF-EXTRA @EX2003-IDENT
    Scenario: A message whose sender is of another domain
      When "carol@elsewhere.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And each message is authenticated, or its session presents a name in "corp.example"

  @SND-EMPTY-IDENT @must @needs.known-name
  Rule: A server that sends without a sender says whose it is
    Bounces and notices of absence. Document: line 84.

    @SND-ANY-IDENT @EXTRA-IDENT @EXTRA-COND-EMPTY @PF-EXTRA @EX2003-IDENT
    Scenario: A message with an empty sender
      When a message with an empty sender is sent to "bob@example.net"
      Then each recipient gets it once
      And each message is authenticated, or its session presents a name in "corp.example"

    @EXTRA-IDENT @needs.known-return
    Scenario: A bounce of the server's own
      Given the relay answers RCPT of "bob@example.net" with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is returned to "anna@corp.example" once
      And each message is authenticated, or its session presents a name in "corp.example"

  @SND-ANY-IDENT @must @needs.configuration
  Rule: Where any address may send, the configuration says whose the server is
    Document: line 84.

    Scenario: By AUTH, or by a domain of the customer's
      Given the relay's setting admits any address
      Then the configuration obeys SND-ANY-IDENT

    @SND-FOREIGN-IDENT @SND-EMPTY-IDENT
    Scenario: For other domains, and for no sender at all
      Given the relay's setting admits any address
      Then the configuration obeys SND-FOREIGN-IDENT
      And the configuration obeys SND-EMPTY-IDENT

  @EXTRA-IDENT @must @needs.configuration
  Rule: Under either condition the configuration authenticates, or presents a domain of the customer's
    The conditions: any address may send and does, or there are messages without a sender. Document: line 141.

    @EXTRA-COND-ANY @EXTRA-COND-EMPTY @PF-EXTRA @EX2003-IDENT
    Scenario: The name that is configured is in the customer's domain, or there is AUTH
      Given the relay's setting admits any address
      Then the configuration obeys EXTRA-IDENT

    @needs.client-auth
    Scenario: With AUTH
      Given the relay's setting admits any address
      And the server authenticates as "relay@corp.example"
      Then the configuration obeys EXTRA-IDENT

  @NULL-MULTI-RCPT @must @needs.known-recipients
  Rule: A message with an empty sender has one recipient a transaction
    The relay doesn't take more. Document: line 132.

    Scenario: A message with an empty sender to one recipient
      When a message with an empty sender is sent to "bob@example.net"
      Then each recipient gets it once
      And no transaction with an empty sender has more than 1 recipient

    Scenario: A message with an empty sender to three recipients
      When a message with an empty sender is sent to "r1@example.net, r2@example.net, r3@example.net"
      Then no transaction with an empty sender has more than 1 recipient

    @assumed
    Scenario: Three recipients, and a relay that refuses all but the first
      Given the relay refuses recipients after the first where the sender is empty, with "550 5.5.3 Multiple recipients are not supported for an empty sender."
      When a message with an empty sender is sent to "r1@example.net, r2@example.net, r3@example.net"
      And the queue is run
      Then each recipient gets it once
