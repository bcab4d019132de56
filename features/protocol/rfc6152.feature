@rfc @needs.8bitmime
Feature: RFC 6152: content of 8 bits

  A relay that announces 8BITMIME takes a message with octets outside ASCII, which the client declares with BODY=8BITMIME,
  and loses none of their bits. RFC 6152 §2, §3.

  @RFC6152-2/no-parameter @must
  Rule: 8BITMIME is announced without a parameter
    RFC 6152 §2.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "8BITMIME" no parameter

  @RFC6152-2/parameter @must
  Rule: MAIL takes BODY where 8BITMIME was announced
    With the value 7BIT or 8BITMIME, in whatever case. RFC 6152 §2, §3.

    Scenario Outline: A message is declared
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameter>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | how               | parameter     |
        | as 8 bits         | BODY=8BITMIME |
        | as 7 bits         | BODY=7BIT     |
        | in small letters  | body=8bitmime |
        | in letters of any | Body=7Bit     |

    @needs.size
    Scenario: BODY with SIZE, in either order
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> BODY=8BITMIME SIZE=1000"
      Then the relay answers 250
      When it says "RSET"
      And it says "MAIL FROM:<{sender}> SIZE=1000 BODY=8BITMIME"
      Then the relay answers 250

  @RFC6152-3/bits-kept @must @needs.deliveries
  Rule: Every bit of a message that was taken is handed on
    A relay that hands on to a server that announces 8BITMIME, as this one does, has no reason to change anything.
    RFC 6152 §3.

    Scenario: Octets from 0x80 to 0xff
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> BODY=8BITMIME"
      And it has said "RCPT TO:<{recipient}>"
      And it has begun its message
      When it sends in one segment:
        """
        From: <{sender}>
        To: <{recipient}>
        Date: Mon, 23 Nov 2026 09:00:00 +0000
        Message-ID: <{token}@elsewhere.example>
        MIME-Version: 1.0
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: 8bit

        {token}
        \x80\x81\x8d\x8a\x9f\xa0\xad\xae\xc3\xe9\xf0\xfe\xff
        .
        """
      Then the relay answers 250
      And the message is delivered with "\r\n\x80\x81\x8d\x8a\x9f\xa0\xad\xae\xc3\xe9\xf0\xfe\xff\r\n"

  @RFC6152-2/malformed @should
  Rule: What is no body type is refused
    BODY has a value, 7BIT or 8BITMIME, and MAIL has one BODY. RFC 6152 §2; RFC 5321 §4.1.1.11, §4.2.2.

    Scenario Outline: MAIL is refused with
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | what          | parameters              |
        | another word  | BODY=XYZZY              |
        | half a word   | BODY=8BIT               |
        | no value      | BODY=                   |
        | no equal sign | BODY                    |
        | two values    | BODY=7BIT BODY=8BITMIME |

  @RFC6152-2/mail-only @should
  Rule: BODY is no parameter of RCPT
    RFC 6152 §2; RFC 5321 §4.1.1.11.

    Scenario: RCPT with BODY=8BITMIME is refused
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<{recipient}> BODY=8BITMIME"
      Then the relay answers 5yz
      And the session is in step
