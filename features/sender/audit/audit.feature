@documented
Feature: What a server does in front of the auditing relay

  An administrator points a server at the relay, and has it send messages; the relay answers each in the way that a case is
  about. What it refuses for a while it takes when it comes again.

  @ERR-CUST-DAY @must
  Rule: What is refused for the day goes back to its sender
    "550 5.7.1 Daily SMTP relay limit exceeded for customer." is permanent. Document: line 40.

    Scenario: A refusal of the day at RCPT is returned to its sender
      Given the relay answers RCPT once with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When the server sends a message to one recipient
      Then a notice goes to its sender, once
      And it isn't sent again

    Scenario: A refusal of the day at the end of the message is returned to its sender
      Given the relay answers the end of the message once with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When the server sends a message to one recipient
      Then a notice goes to its sender, once
      And it isn't sent again

  @ERR-CUST-PEAK @must
  Rule: What is refused for the peak is queued, and tried again
    "450 4.2.1 Peak SMTP relay limit exceeded for customer." is temporary. Document: line 41.

    Scenario: A refusal of the peak at RCPT is tried again, not too fast, and arrives
      Given the relay answers RCPT once with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When the server sends a message to one recipient
      Then it is tried again a minute or more later, and arrives once
      And nobody is told that it failed

    Scenario: A refusal of the peak at the end of the message is tried again, not too fast, and arrives
      Given the relay answers the end of the message once with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When the server sends a message to one recipient
      Then it is tried again a minute or more later, and arrives once
      And nobody is told that it failed

  @HELO-UNIQUE @should
  Rule: A server presents an identifier of its own
    Its domain, or its own name. Document: lines 54 and 131.

    @HELO-UNIQUE-2
    Scenario: It presents its own name or its domain
      When the server has sent something
      Then each session presents a name of its own

  @HELO-FORBIDDEN @should
  Rule: A server presents neither "localhost" nor the relay's own name
    Document: lines 54 and 131.

    Scenario: It presents neither
      When the server has sent something
      Then no session presents "localhost, localhost.localdomain, smtp-relay.gmail.com, [127.0.0.1]"

  @HELO-DOS-SOMETIMES @may
  Rule: The relay may turn a session away
    Under its protection against floods, with 421; what was to be sent waits. Document: line 131.

    Scenario: 421 at MAIL, and the connection closed
      Given the relay answers MAIL once with "421 4.7.0 Try again later, closing connection." and closes
      When the server sends a message to one recipient
      Then it is tried again a minute or more later, and arrives once
      And nobody is told that it failed

  @SND-EMPTY-IDENT @must
  Rule: A server that sends without a sender says whose it is
    Bounces and notices of absence. Document: line 84.

    @SND-ANY-IDENT @EXTRA-IDENT @EXTRA-COND-EMPTY @PF-EXTRA @EX2003-IDENT
    Scenario: A notice of the server's own
      When the server has sent a message with an empty sender
      Then each of these is authenticated, or its session presents a name in its domain

  @AUTH-TLS @must
  Rule: A server authenticates in TLS only
    Document: lines 90 and 129.

    Scenario: Nothing that is secret is said in clear text
      When the server has sent something
      Then nobody authenticates in clear text

  @NULL-MULTI-RCPT @must
  Rule: A message with an empty sender has one recipient a transaction
    The relay doesn't take more. Document: line 132.

    Scenario: Each message with an empty sender has one recipient
      When the server has sent a message with an empty sender
      Then no transaction with an empty sender has more than 1 recipient

  @C-TESTMAIL @should
  Rule: A test message shows that mail goes out
    Send one after the server is set up, and see that it arrives. Document: lines 189, 233, 307, 354, 379, 407, 431, 452.

    Scenario: A test message arrives, once
      When the server sends a message
      Then it arrives once

  @RFC5321-4.5.4.1/connection-lost @must @rfc
  Rule: A message whose connection is lost stays queued
    Without the reply to its end a message isn't the relay's. RFC 5321, sections 4.1.1.4, 4.2.4.2 and 4.5.4.1.

    Scenario: The relay drops the connection within the message
      Given the relay drops the connection within the message once
      When the server sends a message to one recipient
      Then it is tried again a minute or more later, and arrives once
      And nobody is told that it failed
