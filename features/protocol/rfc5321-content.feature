@rfc
Feature: RFC 5321: the message

  From 354 to the reply to the line with the single dot, and what the relay passes on.

  @RFC5321-4.1.1.4/data @must
  Rule: DATA is answered with 354, and the end of the message with 250, or either is refused
    RFC 5321 §3.3, §4.1.1.4, §4.3.2.

    Scenario: A message is ended
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step

    Scenario: DATA is answered with 354, if it isn't refused
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "DATA"
      Then the relay answers 354 or 4yz or 5yz

    Scenario: A second message in the session is ended
      Given a client that has said HELO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250 or 4yz or 5yz
      And it can still relay a message

  @RFC5321-4.1.1.4/truth @must @needs.deliveries
  Rule: What was accepted is passed on, and what was refused isn't
    250 to the final dot takes the responsibility; 4yz and 5yz leave it with the client. RFC 5321 §4.2.5, §6.1.

    Scenario Outline: <what> is passed on or refused
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "<message>\r\n.\r\n"
      Then the relay answers 250 or 4yz or 5yz
      And the message is delivered if it was accepted, and only then

      Examples:
        | what                        | message                                            |
        | A usual message             | {message}end                                       |
        | A message of many lines     | {message}{one more line{CRLF}*500}end              |

    Scenario: A message to three recipients is passed on
      Given a client that has said EHLO
      And it has begun a transaction with 3 recipients
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the message is delivered

  @RFC5321-4.5.2/transparency @must @needs.deliveries
  Rule: A dot that begins a line goes, where more stands in the line
    It was put there by the client, once; whatever stands behind it is text. RFC 5321 §4.5.2.

    Scenario Outline: The line <sent>, <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<sent>\r\nthe end\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "\r\n<kept>\r\nthe end\r\n"

      Examples:
        | what                | sent     | kept    |
        | a dot               | ..       | .       |
        | two dots            | ...      | ..      |
        | a dot and a word    | ..word   | .word   |
        | a dot without need  | .word    | word    |
        | a dot and a blank   | ..{ *1}  | .{ *1}  |
        | four dots           | .....    | ....    |
        | a dot and digits    | ..25     | .25     |
        | a dot in the middle | one..two | one..two |
        | a dot at the end    | one.     | one.    |

    Scenario: Lines of a dot one behind another
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}..\r\n..\r\n\r\n..\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "\r\n.\r\n.\r\n\r\n.\r\n"

    Scenario Outline: A dot line in two segments, cut behind <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}one<first>"
      And it sends "<second>two\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "one\r\n.two\r\n"

      Examples:
        | what           | first        | second       |
        | the word       | {NUL*0}      | {CRLF}..     |
        | CR             | {CR}         | {LF}..       |
        | CRLF           | {CRLF}       | ..           |
        | the first dot  | {CRLF}.      | .            |
        | the second dot | {CRLF}..     | {NUL*0}      |

  @RFC5321-4.1.1.4/end-of-data @must
  Rule: The message ends with the line of a single dot
    Wherever the octets of CRLF.CRLF are cut, and nowhere else. RFC 5321 §3.3, §4.1.1.4, §4.5.2.

    Scenario Outline: The end in two segments, cut behind <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}end<first>"
      And it sends "<second>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what          | first       | second     |
        | the last word | {NUL*0}     | {CRLF}.{CRLF} |
        | CR            | {CR}        | {LF}.{CRLF}   |
        | CRLF          | {CRLF}      | .{CRLF}    |
        | the dot       | {CRLF}.     | {CRLF}     |
        | the dot's CR  | {CRLF}.{CR} | {LF}       |

    Scenario Outline: No end is <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<line>\r\nXYZZY\r\n.\r\n"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what                         | line     |
        | a dot and a blank            | .{ *1}   |
        | two dots                     | ..       |
        | a dot and a TAB              | .\x09    |
        | a blank and a dot            | { *1}.   |
        | a dot at the end of a line   | word.    |
        | an empty line                | {NUL*0}  |
        | a line that says QUIT        | QUIT     |
        | a line that says RSET        | RSET     |

    Scenario: The end at the very beginning
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it says "."
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step

  @RFC5321-3.3/imperfect @should
  Rule: A message isn't refused for the form of its header
    RFC 5321 §3.3.

    Scenario Outline: A message <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "<message>\r\n.\r\n"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what                        | message                                                             |
        | without a header            | {CRLF}Hello.                                                        |
        | without a body              | From: <{sender}>{CRLF}Subject: nothing else                         |
        | without an empty line       | Hello.                                                              |
        | without From and Date       | Subject: no author{CRLF}{CRLF}Hello.                                |
        | with two Subjects           | From: <{sender}>{CRLF}Subject: one{CRLF}Subject: two{CRLF}{CRLF}Hello. |
        | with an unknown field       | From: <{sender}>{CRLF}X-Unheard-Of: yes{CRLF}{CRLF}Hello.           |

  @RFC5321-3.3/resent-fields @must
  Rule: A message isn't refused because its Resent- fields don't match
    RFC 5321 §3.3.

    Scenario Outline: Resent-To <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "<fields>{message}.\r\n"
      Then the relay answers 250

      Examples:
        | what                     | fields                                                           |
        | without the other fields | Resent-To: <{recipient}>{CRLF}                                   |
        | more often than From     | Resent-From: <{sender}>{CRLF}Resent-To: <{recipient}>{CRLF}Resent-To: <{recipient2}>{CRLF} |

  @RFC5321-4.4/received @must @needs.deliveries
  Rule: The relay puts a Received field before the message
    That is the trace by which loops and faults are found. RFC 5321 §4.1.1.4, §4.4.

    Scenario Outline: A message by a client that has <state> gets a Received field
      Given a client that has <state>
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the message is delivered with "Received: ... From: ... {token}"

      Examples:
        | state     |
        | said EHLO |
        | said HELO |

    Scenario: The relay's field stands before those of earlier relays, which stay as they are
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "Received: from b.example.net by c.example.net with ESMTP id 2;\r\n Mon, 23 Nov 2026 09:00:02 +0000\r\nReceived:  from a.example.net  by b.example.net (odd but kept) ;\r\n\tMon, 23 Nov 2026 09:00:01 +0000\r\n{message}.\r\n"
      Then the relay answers 250
      And the message is delivered with "Received: ... Received: from b.example.net by c.example.net with ESMTP id 2;\r\n Mon, 23 Nov 2026 09:00:02 +0000\r\nReceived:  from a.example.net  by b.example.net (odd but kept) ;\r\n\tMon, 23 Nov 2026 09:00:01 +0000\r\n"

  @RFC5321-4.4/received-from @should @needs.deliveries
  Rule: The Received field says which name the client gave, and when
    The date has a numeric offset. RFC 5321 §4.4.

    Scenario: The name in EHLO stands in the field
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the message is delivered with "Received: from ... {client} ... by ... ; ... From:"

  @RFC5321-3.7.2/odd-trace @must
  Rule: A message isn't refused for the form of its trace fields
    RFC 5321 §3.7.2.

    Scenario Outline: A Received field <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "Received:<value>\r\n{message}.\r\n"
      Then the relay answers 250

      Examples:
        | what                     | value                                  |
        | without a date           | { *1}from a.example.net by b.example.net |
        | in words                 | { *1}brought by a friend, last week     |
        | with a date of two digits | { *1}from a by b; 23 Nov 26 09:00 UT   |

  @RFC5321-6.3/few-hops @should
  Rule: A message that a few relays have seen is no loop
    RFC 5321 §6.3 would have 100 of them taken for one, and no fewer.

    Scenario: 20 Received fields
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends 20 times "Received: from a by b; Mon, 23 Nov 2026 09:00:01 +0000\r\n"
      And it sends its message
      Then the relay answers 250

  @RFC5321-6.3/loop @info
  Rule: A message that goes round in a loop is stopped
    How is left to the relay; to count Received fields is usual. RFC 5321 §6.3.

    Scenario: 200 Received fields
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends 200 times "Received: from a by b; Mon, 23 Nov 2026 09:00:01 +0000\r\n"
      And it sends its message
      Then the relay answers 4yz or 5yz

  @RFC5321-4.1.1.4/odd-octets @should @needs.deliveries
  Rule: What was accepted with odd octets in it is passed on, and what was refused isn't
    A relay may refuse bare CR, bare LF, NUL and other controls, or send a notification where it can't pass them on.
    RFC 5321 §2.3.8, §4.1.1.4, §6.1.

    Scenario Outline: A message with <what> is passed on or refused
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<text>\r\n.\r\n"
      Then the relay answers 250 or 4yz or 5yz
      And the message is delivered if it was accepted, and only then

      Examples:
        | what           | text                                  |
        | a bare LF      | one{LF}two                            |
        | a NUL          | one{NUL}two                           |

  @RFC5321-4.1.1.4/controls-kept @should @needs.deliveries
  Rule: Control characters that were accepted are passed on as they came
    Who sends them should know better, and a relay may refuse them. RFC 5321 §4.1.1.4, §7.9.

    Scenario Outline: <what> in the body
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<text>\r\nthe end\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "\r\n<text>\r\nthe end\r\n"

      Examples:
        | what           | text                                  |
        | A form feed    | one\x0Ctwo                            |
        | Other controls | \x01\x02\x07\x08\x0B\x0E\x1B\x1F\x7F  |

  @RFC5321-3.6.3/unchanged @must @needs.deliveries
  Rule: A relay passes on header and body as they came
    But for its trace. Gateways may do more; a relay may not. RFC 5321 §2.3.10, §3.6.3, §4.5.2.

    Scenario Outline: <what> in the body
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<text>\r\nthe end\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered with "\r\n<text>\r\nthe end\r\n"

      Examples:
        | what                  | text                                    |
        | A line of blanks      | { *5}                                   |
        | Blanks at the end     | one{ *3}                                |
        | Blanks in a row       | one{ *4}two                             |
        | TABs                  | \x09one\x09\x09two                      |
        | Empty lines in a row  | one{{CRLF}*4}two                        |
        | From at the beginning | From me to you                          |
        | A header field        | Subject: not a subject                  |
        | Angle brackets        | <a href='x'>&amp;</a> %s %n                  |

    Scenario: Empty lines at the end
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}the end\r\n\r\n\r\n.\r\n"
      Then the relay answers 250
      And the message is delivered ending in "the end\r\n\r\n\r\n"

    Scenario: Nothing is put behind the body
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message with "the end"
      Then the relay answers 250
      And the message is delivered ending in "{token}\r\nthe end\r\n"

    Scenario: Header fields keep their order, their folds and their blanks
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "X-Odd:one\r\nX-ODD:   two  \r\nx-odd: three\r\n\tfolded\r\n  again\r\n{message}.\r\n"
      Then the relay answers 250
      And the message is delivered with "X-Odd:one\r\nX-ODD:   two  \r\nx-odd: three\r\n\tfolded\r\n  again\r\nFrom:"
