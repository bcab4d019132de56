@rfc
Feature: RFC 5321: the session

  A relay greets, answers EHLO or HELO, stays in the conversation whatever is said, and closes it after QUIT.

  @RFC5321-3.1/greeting @must
  Rule: The relay speaks first, with 220
    Or with 554, where it has nothing to offer to this client. RFC 5321 §3.1, §4.3.2.

    Scenario: A client connects
      When a client connects
      Then the relay answers 220 or 554

  @RFC5321-4.3.1/greeting-names-the-relay @should
  Rule: The greeting and the reply to EHLO begin with the relay's own name
    A domain or, where it has none, an address literal. RFC 5321 §4.1.1.1, §4.2, §4.3.1.

    Scenario: The greeting names the relay
      When a client connects
      Then the relay answers 220
      And the answer begins with a name of the relay

    Scenario Outline: The reply to <verb> names the relay
      Given a client that has connected
      When it says "<verb> {client}"
      Then the relay answers 250
      And the answer begins with a name of the relay

      Examples:
        | verb |
        | EHLO |
        | HELO |

  @RFC5321-4.1.1.1/ehlo @must
  Rule: EHLO opens a session
    With the domain of the client or an address literal. What the relay thinks of the name is its own affair; that it can't
    read a name that is well formed isn't. RFC 5321 §4.1.1.1, §4.5.1.

    Scenario: EHLO with a name
      Given a client that has connected
      When it says "EHLO {client}"
      Then the relay answers 250
      And it can still relay a message

    Scenario: EHLO again, with no transaction open
      Given a client that has said EHLO
      When it says "EHLO {client}"
      Then the relay answers 250
      And it can still relay a message

    Scenario: EHLO after HELO
      Given a client that has said HELO
      When it says "EHLO {client}"
      Then the relay answers 250
      And it can still relay a message

  @RFC5321-4.1.1.1/ehlo-literal @should
  Rule: EHLO takes an address literal
    For clients that have no name. RFC 5321 §4.1.1.1, §4.1.3. A relay that refuses one for what it is answers 550 or 504;
    500 and 501 say that it can't be read.

    Scenario Outline: EHLO with <what>
      Given a client that has connected
      When it says "EHLO <literal>"
      Then the relay answers 250 or 4yz or 504 or 550 or 554

      Examples:
        | what             | literal                |
        | an IPv4 literal  | [192.0.2.44]           |
        | an IPv6 literal  | [IPv6:2001:db8::2:44]  |
        | a whole IPv6 one | [IPv6:2001:DB8:0:0:0:0:2:44] |

  @RFC5321-4.1.1.1/ehlo-argument @should
  Rule: EHLO and HELO need a name
    RFC 5321 §4.1.1.1. A relay that closes the session over it says so first.

    Scenario Outline: <verb> without a name is refused
      Given a client that has connected
      When it says "<verb>"
      Then the relay answers 4yz or 5yz
      And the session is in step or over

      Examples:
        | verb |
        | EHLO |
        | HELO |

  @RFC5321-4.1.1.1/ehlo-reply @must
  Rule: Behind its first line the reply to EHLO lists keywords with their parameters
    A keyword is letters, digits and hyphens; parameters are printable and stand behind single blanks. Whether the relay takes
    EHLO again is another rule. RFC 5321 §4.1.1.1.

    Scenario Outline: The reply to EHLO <where> is a list of keywords
      Given a client that has <state>
      When it says "EHLO {client}"
      Then the relay answers 250 or 503
      And the answer lists keywords behind its first line

      Examples:
        | where          | state     |
        | at the start   | connected |
        | a second time  | said EHLO |

    @needs.starttls
    Scenario: The reply to EHLO in TLS is a list of keywords
      Given a client that has started TLS
      When it says "EHLO {client}"
      Then the relay answers 250
      And the answer lists keywords behind its first line

  @RFC5321-4.1.1.1/helo @must
  Rule: HELO opens a session too
    For clients that know of no extension. RFC 5321 §4.1.1.1, §4.5.1.

    Scenario: HELO, and a message behind it
      Given a client that has connected
      When it says "HELO {client}"
      Then the relay answers 250
      And it can still relay a message

  @RFC5321-3.2/helo-reply @must
  Rule: The reply to HELO lists no extension
    It is a client of RFC 821 that asks. Whether the relay takes HELO behind EHLO is another rule. RFC 5321 §3.2.

    Scenario Outline: HELO <when> is answered without keywords
      Given a client that has <state>
      When it says "HELO {client}"
      Then the relay answers 250 or 503
      And the answer lists no keyword

      Examples:
        | when       | state     |
        | first      | connected |
        | after EHLO | said EHLO |

  @RFC5321-4.2/reply-form @must
  Rule: A reply is a code of three digits from 2 to 5, the same on each line, and each line ends in CRLF
    All lines but the last have a hyphen behind the code. RFC 5321 §2.3.8, §4.2, §4.2.1, §4.3.2.

    Scenario Outline: The reply to <what> is well formed
      Given a client that has said EHLO
      When it sends "<line>\r\n"
      Then the relay answers <codes>

      Examples:
        | what               | line                 | codes             |
        | EHLO               | EHLO {client}        | 250 or 503        |
        | NOOP               | NOOP                 | 250               |
        | RSET               | RSET                 | 250               |
        | VRFY               | VRFY {recipient}     | 2yz or 4yz or 5yz |
        | HELP               | HELP                 | 2yz or 4yz or 5yz |
        | an unknown command | XYZZY                | 5yz               |
        | MAIL               | MAIL FROM:<{sender}> | 250               |
        | RCPT out of turn   | RCPT TO:<{recipient}> | 4yz or 5yz       |
        | QUIT               | QUIT                 | 221               |

  @RFC5321-4.2/one-reply @must
  Rule: Every command has exactly one reply
    Whatever it is: a second one would be taken for the answer to the next command. RFC 5321 §4.2, §4.3.1. Some relays take
    what no mail client says for an attack, and say goodbye.

    Scenario Outline: <what> is answered once
      Given a client that has said EHLO
      When it says "<line>"
      Then the relay answers 2yz or 4yz or 5yz
      And the session is in step

      Examples:
        | what                     | line                                   |
        | an unknown verb          | XYZZY                                  |
        | a verb that goes on      | NOOPER {client}                        |
        | MAIL without an argument | MAIL                                   |
        | MAIL without an end      | MAIL FROM:<{sender}                    |
        | RCPT out of turn         | RCPT TO:<{recipient}>                  |
        | RCPT without an argument | RCPT                                   |
        | VRFY without an argument | VRFY                                   |

    Scenario Outline: <what> is answered once, be it the last
      Given a client that has said EHLO
      When it says "<line>"
      Then the relay answers 221 or 4yz or 5yz
      And the session is in step or over

      Examples:
        | what                     | line                     |
        | a verb in another script | \xD0\x9F\xD0\xA0\xD0\x98 |
        | a header field           | Subject: no command      |
        | a lone dot               | .                        |
        | HTTP                     | GET / HTTP/1.0           |

  @RFC5321-3.8/stays-open @must
  Rule: The relay doesn't close the session over a command that it doesn't understand
    It closes after QUIT, with 421 when it has to shut down, and after a timeout. RFC 5321 §3.8, §4.1.1.10.

    Scenario Outline: The session goes on after <what>
      Given a client that has said EHLO
      When it says "<line>"
      Then the relay answers 5yz
      And the session is still open

      Examples:
        | what                 | line       |
        | an unknown command   | XYZZY      |
        | one with an argument | XYZZY TOO  |
        | MAIL with no address | MAIL       |

  @RFC5321-4.1.1.10/quit @must
  Rule: QUIT is answered with 221, and the session ends
    At any time. RFC 5321 §3.8, §4.1.1.10.

    Scenario Outline: QUIT <when>
      Given a client that has <state>
      When it says "QUIT"
      Then the relay answers 221 and closes the session

      Examples:
        | when        | state     |
        | before EHLO | connected |
        | after EHLO  | said EHLO |
        | after HELO  | said HELO |

    Scenario Outline: QUIT in a transaction with <recipients> recipients
      Given a client that has said EHLO
      And it has begun a transaction with <recipients> recipients
      When it says "QUIT"
      Then the relay answers 221 and closes the session

      Examples:
        | recipients |
        | no         |
        | 1          |

    Scenario: QUIT after a refused command
      Given a client that has said EHLO
      When it says "MAIL"
      Then the relay answers 5yz
      When it says "QUIT"
      Then the relay answers 221 and closes the session

    @needs.pipelining
    Scenario: QUIT behind RSET in one segment
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends in one segment:
        """
        RSET
        QUIT
        """
      Then the relay answers 250, 221 and closes the session

  @RFC5321-4.1.1.10/dropped @must @needs.deliveries
  Rule: A connection that ends in a transaction cancels it, and undoes nothing that was completed
    A message whose final dot never came is none. RFC 5321 §4.1.1.10.

    Scenario Outline: The connection ends <where>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}<rest>"
      And it drops the connection
      Then no message is delivered

      Examples:
        | where                             | rest            |
        | behind a whole line               | more\r\x0A      |
        | in a line                         | more            |
        | behind an empty line              | \r\x0A          |
        | behind the dot                    | .               |
        | behind the dot and CR             | .\r             |
        | behind the dot and LF             | .\x0A           |
        | behind a line that says QUIT      | QUIT\r\x0A      |

    Scenario: The connection ends behind the reply to the final dot
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      When it drops the connection
      Then the message is delivered
