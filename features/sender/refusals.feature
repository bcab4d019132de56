@documented
Feature: What refusals lead to

  The relay refuses for the day with 5yz, and for ten minutes with 4yz. A sending server returns the first to its sender, and
  keeps the second until the relay takes it. It loses nothing and sends nothing twice.

  @C-TESTMAIL @should
  Rule: A test message shows that mail goes out
    Send one after the server is set up, and see that it arrives. Document: lines 189, 233, 307, 354, 379, 407, 431, 452.

    Scenario: A test message arrives, once
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And nothing is queued

    Scenario: A message to three recipients arrives, once
      When "anna@corp.example" sends a message to "r1@example.net, r2@example.net, r3@example.net"
      Then each recipient gets it once

    Scenario: The relay announces no extension
      Given the relay announces no extension
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once

    @needs.known-fallback
    Scenario: The relay doesn't know EHLO
      Given the relay announces no extension
      And the relay answers EHLO with "502 5.5.1 Unrecognized command."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once

  @ERR-CUST-PEAK @must @needs.known-deferral
  Rule: What is refused for the peak is queued, and tried again
    "450 4.2.1 Peak SMTP relay limit exceeded for customer." is temporary. Document: line 41.

    Scenario Outline: A refusal of the peak <stage> is queued, and goes out when the relay takes mail again
      Given the relay answers <stage> with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

      Examples:
        | stage                  |
        | MAIL                   |
        | RCPT                   |
        | DATA                   |
        | the end of the message |

    Scenario: One of three recipients is put off
      Given the relay answers RCPT of "r2@example.net" with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "r1@example.net, r2@example.net, r3@example.net"
      Then it is queued for "r2@example.net"
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

    Scenario: 20 messages are put off, none is lost and none sent twice
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends 20 messages
      Then they are queued
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

    @needs.clock @needs.known-retry
    Scenario: It isn't tried again within a minute
      The shortest interval that the document has is one minute: Exchange's first, and the least of Domino's.
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      And 59 seconds pass
      Then it was tried 1 time

    @needs.clock @needs.known-retry
    Scenario: It is tried again by itself within two hours
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      When the relay takes mail again
      And 2 hours pass
      Then each recipient gets it once
      And nothing is queued

    @needs.clock @needs.known-retry
    Scenario: A peak of three hours is sat out
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      And 3 hours pass
      Then it was tried 2 times or more, each a minute or more after the one before
      And it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And 8 hours pass
      Then each recipient gets it once

  @ERR-CUST-DAY @must @needs.known-return
  Rule: What is refused for the day goes back to its sender
    "550 5.7.1 Daily SMTP relay limit exceeded for customer." is permanent. Document: line 40.

    Scenario Outline: A refusal of the day <stage> is returned to the sender at once, and once
      Given the relay answers <stage> of "bob@example.net" with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody gets it
      And it is returned to "anna@corp.example" once
      And nothing is queued

      Examples:
        | stage                  |
        | RCPT                   |
        | DATA                   |
        | the end of the message |

    Scenario: A refusal of the day at MAIL is returned to the sender at once, and once
      Given the relay answers MAIL of "anna@corp.example" with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody gets it
      And it is returned to "anna@corp.example" once
      And nothing is queued

    Scenario: A refusal in three lines is returned to the sender
      Given the relay answers the end of the message of "bob@example.net" with:
        """
        550-5.7.1 Daily SMTP relay limit exceeded for customer. For more
        550-5.7.1 information on SMTP relay sending limits please contact your
        550 5.7.1 administrator.
        """
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody gets it
      And it is returned to "anna@corp.example" once

    @needs.clock
    Scenario: It isn't tried again on the same day
      Given the relay answers RCPT of "bob@example.net" with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      And 24 hours pass
      Then it was tried 1 time
      And it is returned to "anna@corp.example" once

    Scenario: A message that is nobody's isn't returned
      Given the relay answers RCPT of "bob@example.net" with "550 5.7.1 Daily SMTP relay limit exceeded for customer."
      When a message with an empty sender is sent to "bob@example.net"
      Then nobody gets it
      And nobody is told that it failed

  @ERR-USER @must @needs.known-return
  Rule: What a user's limit refuses goes back to that user
    "550 5.4.5 Daily SMTP relay limit exceeded for user" is permanent. Document: line 24.

    Scenario: It is returned to the sender at once, and once
      Given the relay answers RCPT of "bob@example.net" with "550 5.4.5 Daily SMTP relay limit exceeded for user"
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody gets it
      And it is returned to "anna@corp.example" once
      And nothing is queued

    Scenario: One of three recipients is refused, and the others get it
      Given the relay answers RCPT of "r2@example.net" with "550 5.4.5 Daily SMTP relay limit exceeded for user"
      When "anna@corp.example" sends a message to "r1@example.net, r2@example.net, r3@example.net"
      Then "r1@example.net, r3@example.net" get it once
      And it is returned to "anna@corp.example" once
      And nothing is queued

  @LIM-RCPT-RFC5321 @may
  Rule: A transaction with more than 100 recipients may be blocked
    The limits of RFC 5321 may block some: a server doesn't count on more than 100, and sends the rest in another
    transaction. Document: line 26.

    @needs.known-recipients
    Scenario: 150 recipients, and a relay that takes 100 in a transaction
      Given the relay answers recipients after the first 100 with "452 4.5.3 Too many recipients."
      When "anna@corp.example" sends a message to 150 recipients
      And the queue is run
      Then each recipient gets it once
      And nobody is told that it failed
      And nothing is queued

    @needs.known-recipients
    Scenario: 150 recipients, and a relay that takes them all
      When "anna@corp.example" sends a message to 150 recipients
      Then each recipient gets it once

  @HELO-DOS-SOMETIMES @may @needs.known-deferral
  Rule: The relay may turn a session away
    Under its protection against floods, with 421; what was to be sent waits. Document: line 131.

    Scenario Outline: 421 at <stage>, and the connection closed
      Given the relay answers <stage> with "421 4.7.0 Try again later, closing connection." and closes
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

      Examples:
        | stage        |
        | the greeting |
        | MAIL         |
        | RCPT         |

    Scenario: 421 where the server says its name, and the connection closed
      Given the relay answers EHLO or HELO with "421 4.7.0 Try again later, closing connection." and closes
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once

  @RFC5321-4.5.4.1/connection-lost @must @rfc @needs.known-deferral
  Rule: A message whose connection is lost stays queued
    Without the reply to its end a message isn't the relay's. RFC 5321, sections 4.1.1.4, 4.2.4.2 and 4.5.4.1.

    Scenario: The relay drops the connection within the message
      Given the relay drops the connection within the message
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

    @needs.short-timeouts @needs.known-timeout
    Scenario: The relay takes the message, and never says so
      Given the server waits 1 second for the answer to a message
      And the relay never answers the end of the message
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And nothing is queued

    Scenario: Nobody listens
      Given the relay is down
      When "anna@corp.example" sends a message to "bob@example.net"
      Then it is queued for "bob@example.net"
      And nobody is told that it failed
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once

  @RFC5321-4.5.3.2/time-outs @should @rfc
  Rule: A server waits for a relay that takes its time
    Minutes, at each command: what is given up too early is sent again, and arrives twice. RFC 5321, section 4.5.3.2.

    Scenario Outline: The relay takes two seconds to answer <stage>
      Given the relay takes 2 seconds to answer <stage>
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And it was tried 1 time
      And nothing is queued

      Examples:
        | stage                  |
        | MAIL                   |
        | RCPT                   |
        | DATA                   |
        | the end of the message |
