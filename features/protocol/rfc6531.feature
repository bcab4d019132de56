@rfc @needs.smtputf8
Feature: RFC 6531: addresses and headers beyond ASCII

  A relay that announces SMTPUTF8 takes UTF-8 in addresses and in header fields, where the client has said SMTPUTF8 with
  MAIL. \xc3\xbc is the letter u with two dots in UTF-8. RFC 6531 §3.

  @RFC6531-3.1/no-parameter @must
  Rule: SMTPUTF8 is announced without a parameter
    RFC 6531 §3.1.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "SMTPUTF8" no parameter

  @RFC6531-3.1/8bitmime @must
  Rule: Who announces SMTPUTF8 announces 8BITMIME
    RFC 6531 §3.1.

    Scenario: Both are announced
      Given a client that has said EHLO
      Then the reply to EHLO lists "SMTPUTF8"
      And the reply to EHLO lists "8BITMIME"

  @RFC6531-3.4/parameter @must
  Rule: MAIL takes SMTPUTF8 where it was announced
    For addresses in ASCII, too: the header may need it. RFC 6531 §3.1, §3.4.

    Scenario Outline: A message of ASCII addresses
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | how                | parameters             |
        | in capitals        | SMTPUTF8               |
        | in small letters   | smtputf8               |
        | with BODY behind   | SMTPUTF8 BODY=8BITMIME |
        | with BODY in front | BODY=8BITMIME SMTPUTF8 |

  @RFC6531-3.3/mailbox @must
  Rule: UTF-8 may stand wherever a mailbox may
    In its local part and in its domain. A relay may have no such mailbox, or relay for no such domain, but it must
    understand the address. RFC 6531 §3.2, §3.3.

    Scenario Outline: A recipient
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SMTPUTF8"
      When it says "RCPT TO:<<recipient>>"
      Then the relay answers 2yz or 4yz or 550 or 551 or 552 or 553 or 554
      And the session is in step

      Examples:
        | in                 | recipient                               |
        | the local part     | m\\xc3\\xbcller@{domain of recipient}   |
        | quotation marks    | "m\\xc3\\xbc ller"@{domain of recipient} |
        | the domain         | r1@b\\xc3\\xbccher.{domain of recipient} |
        | another alphabet   | \\xe7\\x94\\xb2@{domain of recipient}   |
        | four octets        | \\xf0\\x9f\\x93\\xae@{domain of recipient} |

    Scenario: A sender
      Given a client that has said EHLO
      When it says "MAIL FROM:<m\xc3\xbcller@{domain of sender}> SMTPUTF8"
      Then the relay answers 2yz or 4yz or 550 or 551 or 552 or 553 or 554
      And the session is in step

  @RFC6531-3.3/delivered @should @needs.deliveries
  Rule: What is beyond ASCII is handed on as it is
    To a server that announces SMTPUTF8, as the one does that this relay hands on to. RFC 6531 §3.2, §3.6; RFC 6532 §3.

    Scenario: A field of the header
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SMTPUTF8 BODY=8BITMIME"
      And it has said "RCPT TO:<{recipient}>"
      And it has begun its message
      When it sends in one segment:
        """
        From: M\xc3\xbcller <{sender}>
        To: <{recipient}>
        Date: Mon, 23 Nov 2026 09:00:00 +0000
        Message-ID: <{token}@elsewhere.example>
        Subject: Gr\xc3\xbc\xc3\x9fe

        {token}
        .
        """
      Then the relay answers 250
      And the message is delivered with "\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n"

    Scenario: A message to a recipient beyond ASCII
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SMTPUTF8"
      When it says "RCPT TO:<m\xc3\xbcller@{domain of recipient}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered

  @RFC6531-3.4/needed @should
  Rule: Without SMTPUTF8 an address is ASCII
    A relay that takes others would have to hand them on to servers that don't. RFC 6531 §3.4, §3.5; RFC 5321 §4.1.2.

    Scenario: A recipient of a transaction without it is refused
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<m\xc3\xbcller@{domain of recipient}>"
      Then the relay answers 5yz
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 250
      And the session is in step

    Scenario: A sender without it is refused
      Given a client that has said EHLO
      When it says "MAIL FROM:<m\xc3\xbcller@{domain of sender}>"
      Then the relay answers 5yz
      And it can still relay a message

    Scenario: It ends with its transaction
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SMTPUTF8"
      When it says "RSET"
      Then the relay answers 250
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "RCPT TO:<m\xc3\xbcller@{domain of recipient}>"
      Then the relay answers 5yz

  @RFC6531-3.4/no-value @should
  Rule: SMTPUTF8 has no value
    And stands once. RFC 6531 §3.4; RFC 5321 §4.1.1.11.

    Scenario Outline: MAIL is refused with
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | what           | parameters        |
        | a value        | SMTPUTF8=yes      |
        | an empty value | SMTPUTF8=         |
        | it twice       | SMTPUTF8 SMTPUTF8 |

  @RFC6531-3.3/malformed @should
  Rule: What is no UTF-8 is no address
    RFC 6531 §3.3; RFC 3629 §3, §4.

    Scenario Outline: A recipient is refused with
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SMTPUTF8"
      When it says "RCPT TO:<<octets>@{domain of recipient}>"
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | what                    | octets             |
        | half a letter           | m\\xc3             |
        | octets of no letter     | m\\xff\\xfe        |
        | more octets than needed | m\\xc0\\xaf        |
        | half of a pair          | m\\xed\\xa0\\x80   |

  @RFC6531-3.7.4.2/verify @should
  Rule: VRFY takes SMTPUTF8
    Behind the address; a relay may answer as little as to any VRFY. RFC 6531 §3.1, §3.7.4.2.

    Scenario: It isn't taken for malformed
      Given a client that has said EHLO
      When it says "VRFY {recipient} SMTPUTF8"
      Then the relay answers 2yz or 4yz or 502 or 550 or 551 or 553 or 554
      And the session is in step
