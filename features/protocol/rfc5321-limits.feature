@rfc
Feature: RFC 5321: sizes

  How much a relay has to be able to take, and that what is too much for it is refused in order.

  @RFC5321-4.5.3.1.4/command-line @must
  Rule: A command line of 512 octets isn't too long
    With its CRLF. A relay that takes no argument of NOOP says of a long one what it says of a short one.
    RFC 5321 §4.3.2, §4.5.3.1.4.

    Scenario: NOOP of 512 octets
      Given a client that has said EHLO
      When it says "NOOP {x*505}"
      Then the relay answers as it does to "NOOP x"
      And the session is in step

  @RFC5321-4.5.3.1.9/long-line @must
  Rule: A line that is too long for the relay has one reply, and its rest is no command
    500 is usual. RFC 5321 §4.2, §4.5.3.1.9.

    Scenario Outline: NOOP of <length> octets
      Given a client that has said EHLO
      When it says "NOOP {x*<length>}"
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step or over

      Examples:
        | length |
        | 600    |
        | 1000   |
        | 2100   |
        | 5000   |
        | 20000  |

  @RFC5321-4.5.3.1.5/reply-line @should
  Rule: No reply has a line of more than 512 octets
    However long what it repeats is. RFC 5321 §4.5.3.1.5.

    Scenario: Long names and addresses come back cut
      Given a client that has connected
      When it says "EHLO {a*63}.{a*63}.{a*63}.{a*61}"
      And it says "EHLO {client}"
      And it says "{X*500}"
      And it says "VRFY {x*480}"
      And it says "MAIL FROM:<{a*64}@{a*63}.{a*63}.{a*60}>"
      And it says "RSET"
      Then the relay answers 250
      And no line of any answer is longer than 512 octets

  @RFC5321-4.5.3.1.1/local-part @must
  Rule: A local part of 64 octets isn't too long
    RFC 5321 §4.5.3.1.1.

    Scenario: A recipient whose local part has 64 octets
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<{a*64}@{domain of recipient}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

  @RFC5321-4.5.3.1.3/path @must
  Rule: A path of 256 octets isn't too long
    With its brackets. RFC 5321 §4.5.3.1.2, §4.5.3.1.3.

    Scenario: A recipient whose domain takes all of it
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<a@{a*63}.{a*63}.{a*63}.{a*60}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

    Scenario: A recipient whose local part takes 64 of it
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<{a*64}@{a*63}.{a*63}.{a*61}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

  @RFC5321-4.5.3.1.2/domain @should
  Rule: A domain of 253 octets isn't too long
    The limit is 255, but no name of the DNS has more than 253 letters and dots. RFC 5321 §4.5.3.1.2.

    Scenario: EHLO with a domain of 253 octets
      Given a client that has connected
      When it says "EHLO {a*63}.{a*63}.{a*63}.{a*61}"
      Then the relay answers 250 or 4yz or 504 or 550 or 554

  @RFC5321-4.5.3.1.6/text-line @must
  Rule: A line of a message may have 1,000 octets
    With its CRLF, and without a dot that was put in front. RFC 5321 §4.5.3.1.6.

    Scenario Outline: A line of 1,000 octets <what> is accepted
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<line>\r\n.\r\n"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what             | line        |
        | of letters       | {a*998}     |
        | behind a dot     | ..{a*997}   |

    @needs.deliveries
    Scenario Outline: A line of 1,000 octets <what> is passed on in one piece
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<line>\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "\r\n<kept>\r\n"

      Examples:
        | what             | line        | kept       |
        | of letters       | {a*998}     | {a*998}    |
        | behind a dot     | ..{a*997}   | .{a*997}   |

  @RFC5321-4.5.3.1.6/longer-line @may
  Rule: A longer line of a message is accepted or refused in order
    RFC 5321 §4.5.3.1.6, §4.5.3.1.9.

    Scenario Outline: A line of <length> octets
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}{a*<length>}\r\n.\r\n"
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step or over

      Examples:
        | length |
        | 999    |
        | 2000   |
        | 9000   |

  @RFC5321-4.5.3.1.7/message-content @must
  Rule: A message of 64K octets isn't too large
    RFC 5321 §4.5.3.1.7.

    Scenario: A message of about 65,000 octets is accepted
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}"
      And it sends 900 times "{a*70}\r\n"
      And it sends ".\r\n"
      Then the relay answers 250
      And the session is in step

  @RFC5321-4.5.3.1.8/recipients @must
  Rule: A message may have 100 recipients
    RFC 5321 §4.5.3.1.8.

    Scenario: 100 recipients are accepted, and the message for them
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it names 100 recipients
      Then the relay answers 2yz 100 times
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250

  @RFC5321-4.5.3.1.10/too-many-recipients @info
  Rule: Recipients that are too many are refused with 452
    Where that is a limit of the implementation, 452 is a must; where it is a policy, 5yz is allowed too. RFC 5321 §4.5.3.1.10.

    Scenario: 1,100 recipients
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it names 1,100 recipients
      Then the relay answers 2yz 100 times, 2yz or 452 1000 times
