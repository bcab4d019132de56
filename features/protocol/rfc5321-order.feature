@rfc
Feature: RFC 5321: the order of commands

  A session is a greeting, EHLO or HELO, then transactions of MAIL, RCPT and DATA. What comes out of turn is refused and
  changes nothing. {sender}, {recipient} and the like are cast anew for each relay.

  @RFC5321-4.1.4/nested-mail @should
  Rule: MAIL inside a transaction is out of sequence
    A client must not send it; a relay that can't go on with it has to answer 503 and to stay where it was. One that takes
    it for a new beginning obeys §4.1.1.2, so that 503 isn't demanded of it. RFC 5321 §4.1.4, §3.3.

    Scenario: A second MAIL is refused
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 503

    Scenario: A second MAIL after a recipient is refused, and the first transaction can be ended
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "MAIL FROM:<>"
      Then the relay answers 503
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

  @RFC5321-4.1.1.2/mail-clears @must
  Rule: An accepted MAIL clears what an earlier one began; a refused one changes nothing
    Else a message would go to recipients that its client never named, or miss some. RFC 5321 §3.3, §4.1.1.2, §4.1.4.

    Scenario Outline: A second MAIL, <what>
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<line>"
      Then the relay answers 250 or 4yz or 5yz
      And the transaction stands if that was refused, and is a new one if it was accepted

      Examples:
        | what                   | line                 |
        | from the same sender   | MAIL FROM:<{sender}> |
        | without an argument    | MAIL                 |

  @RFC5321-4.1.4/mail-needs-ehlo @info
  Rule: MAIL before EHLO or HELO is out of sequence
    A client must not send it. Whether the relay insists is left to it; where it does, 503 is the code. RFC 5321 §4.1.1.1,
    §4.1.4.

    Scenario: MAIL first
      Given a client that has connected
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 503

  @RFC5321-3.3/rcpt-needs-mail @must
  Rule: RCPT without MAIL before it is answered with 503
    RFC 5321 §3.3, §4.1.4.

    Scenario Outline: RCPT first, by a client that has <state>
      Given a client that has <state>
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 503
      And the session is in step

      Examples:
        | state     |
        | connected |
        | said EHLO |
        | said HELO |

    Scenario: RCPT after a message was ended
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 503

    Scenario: RCPT after a refused MAIL
      Given a client that has said EHLO
      When it says "MAIL"
      Then the relay answers 5yz
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 503
      And it can still relay a message

  @RFC5321-4.1.4/data-needs-rcpt @must
  Rule: No message is taken without a recipient
    DATA is refused, with 503 or 554, or the message is when it ends. RFC 5321 §3.3, §4.1.4, §4.3.2. The dot is the end of
    an empty message where the relay said 354, else a command that no relay knows; some say goodbye to it.

    Scenario Outline: DATA <when>
      Given a client that has said EHLO
      And it has said "<before>"
      When it says "DATA"
      Then the relay answers 354 or 4yz or 5yz
      When it says "."
      Then the relay answers 221 or 4yz or 5yz
      And the session is in step or over

      Examples:
        | when                   | before               |
        | without MAIL           | NOOP                 |
        | without RCPT           | MAIL FROM:<{sender}> |

    Scenario: DATA after the recipients were used by the message before
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354 or 4yz or 5yz
      When it says "."
      Then the relay answers 221 or 4yz or 5yz

  @RFC5321-3.3/data-refused-early @may
  Rule: DATA without a recipient is refused in place of 354
    So that no content is sent in vain. RFC 5321 §3.3.

    Scenario Outline: DATA <when> gets no 354
      Given a client that has said EHLO
      And it has said "<before>"
      When it says "DATA"
      Then the relay answers 503 or 554

      Examples:
        | when                   | before               |
        | without MAIL           | NOOP                 |
        | without RCPT           | MAIL FROM:<{sender}> |

  @RFC5321-4.1.4/same-state @must
  Rule: A refused command leaves the transaction as it was
    RFC 5321 §3.8, §4.1.4.

    Scenario Outline: A transaction goes on after <what>
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<line>"
      Then the relay answers 5yz
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

      Examples:
        | what                     | line                   |
        | an unknown command       | XYZZY                  |
        | MAIL without an argument | MAIL                   |
        | RCPT without an argument | RCPT                   |
        | RCPT without TO:         | RCPT FOR:<{recipient}> |

    @needs.deliveries
    Scenario: The recipients before a refused RCPT stay, and it adds none
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "RCPT FOR:<{recipient2}>"
      Then the relay answers 5yz
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{recipient}"

  @RFC5321-4.1.1/no-effect @must
  Rule: NOOP, VRFY, EXPN and HELP change nothing in a transaction
    Whether they are served or not. RFC 5321 §4.1.1.6 to §4.1.1.9.

    Scenario Outline: A transaction goes on after <line>
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<line>"
      Then the relay answers 2yz or 4yz or 5yz
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

      Examples:
        | line             |
        | NOOP             |
        | HELP             |
        | VRFY {recipient} |
        | EXPN staff       |

  @RFC5321-4.1.4/ehlo-resets @must
  Rule: EHLO and HELO end the transaction that is open
    As RSET does. RFC 5321 §4.1.1.1, §4.1.4.

    Scenario Outline: After <verb> in a transaction there is none
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<verb> {client}"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | verb |
        | EHLO |
        | HELO |

    @needs.deliveries
    Scenario Outline: The recipients before <verb> don't get the message after it
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<verb> {client}"
      Then the relay answers 250
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient2}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{recipient2}"

      Examples:
        | verb |
        | EHLO |
        | HELO |

  @RFC5321-4.1.1.4/buffers-cleared @must @needs.deliveries
  Rule: Nothing of a message is left for the next one
    The end of the data clears sender, recipients and content. RFC 5321 §4.1.1.4.

    Scenario: The second message of a session reaches its own recipient only
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "From: <{sender}>\r\nTo: <{recipient}>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <first@elsewhere.example>\r\nSubject: the first\r\n\r\nthe first\r\n.\r\n"
      Then the relay answers 250
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient2}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{recipient2}"
      And the message is delivered without "the first"

  @RFC5321-4.1.4/before-ehlo @should
  Rule: NOOP, RSET, HELP, VRFY and EXPN are served before EHLO
    They are no part of a transaction: 503 is no answer to them. RFC 5321 §4.1.4.

    Scenario Outline: <line> before EHLO
      Given a client that has connected
      When it says "<line>"
      Then the relay answers 2yz or 4yz or 500 or 502 or 504 or 55z
      And the session is in step

      Examples:
        | line             |
        | NOOP             |
        | RSET             |
        | HELP             |
        | VRFY {recipient} |
        | EXPN staff       |
