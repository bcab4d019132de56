@rfc
Feature: RFC 5321: the commands

  How verbs and their arguments are read, and what RSET, NOOP, HELP and VRFY are answered.

  @RFC5321-2.4/case @must
  Rule: Verbs and keywords have no case
    A relay that wants capitals violates the RFC. RFC 5321 §2.4.

    Scenario Outline: A greeting <how>
      Given a client that has connected
      When it says "<verb> {client}"
      Then the relay answers 250

      Examples:
        | how              | verb |
        | in small letters | ehlo |
        | in mixed letters | EhLo |
        | of RFC 821       | helo |

    Scenario Outline: A message in <case> verbs
      Given a client that has said EHLO
      When it says "<mail><{sender}>"
      Then the relay answers 250
      When it says "<rcpt><{recipient}>"
      Then the relay answers 250
      When it says "<data>"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      When it says "<rset>"
      Then the relay answers 250
      When it says "<noop>"
      Then the relay answers 250
      When it says "<quit>"
      Then the relay answers 221

      Examples:
        | case  | mail       | rcpt     | data | rset | noop | quit |
        | small | mail from: | rcpt to: | data | rset | noop | quit |
        | mixed | mAiL fRoM: | RcPt To: | DatA | rSeT | NooP | qUIt |

  @RFC5321-4.1.1/trailing-blanks @should
  Rule: Blanks at the end of a line do no harm
    RFC 5321 §4.1.1.

    Scenario Outline: <what> with a blank behind it
      Given a client that has said EHLO
      And it has said "<before>"
      When it says "<line>"
      Then the relay answers 250 or 221

      Examples:
        | what | before               | line                      |
        | NOOP | NOOP                 | NOOP{ *1}                 |
        | RSET | NOOP                 | RSET{ *3}                 |
        | EHLO | NOOP                 | EHLO {client}{ *1}        |
        | MAIL | NOOP                 | MAIL FROM:<{sender}>{ *1} |
        | RCPT | MAIL FROM:<{sender}> | RCPT TO:<{recipient}>{ *2} |
        | QUIT | NOOP                 | QUIT{ *1}                 |

  @RFC5321-4.1.1/no-arguments @should
  Rule: RSET, DATA and QUIT take no argument
    RFC 5321 §4.1.1, §4.3.2.

    Scenario Outline: <line> is refused
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "<line>"
      Then the relay answers 5yz

      Examples:
        | line     |
        | RSET now |
        | DATA now |
        | QUIT now |

  @RFC5321-4.2.4/unknown-command @must
  Rule: A command that the relay doesn't know is refused
    RFC 5321 §4.1.5, §4.2.4.

    Scenario Outline: <line> is refused
      Given a client that has <state>
      When it says "<line>"
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | line        | state     |
        | XYZZY       | said EHLO |
        | XYZZY NOW   | connected |
        | DATAGRAM    | said EHLO |
        | RSETTLE     | said HELO |
        | MAILFROM:<> | said EHLO |

  @RFC5321-4.2.4/unknown-code @should
  Rule: The code for it is 500, or 502 where the relay knows the command and doesn't serve it
    RFC 5321 §4.2.4.

    Scenario: An unknown command is answered with 500 or 502
      Given a client that has said EHLO
      When it says "XYZZY"
      Then the relay answers 500 or 502

  @RFC5321-4.1.1.5/rset @must
  Rule: RSET is answered with 250, at any time
    RFC 5321 §4.1.1.5.

    Scenario Outline: RSET by a client that has <state>
      Given a client that has <state>
      When it says "RSET"
      Then the relay answers 250

      Examples:
        | state     |
        | connected |
        | said EHLO |
        | said HELO |

    Scenario Outline: RSET in a transaction with <recipients> recipients
      Given a client that has said EHLO
      And it has begun a transaction with <recipients> recipients
      When it says "RSET"
      Then the relay answers 250

      Examples:
        | recipients |
        | no         |
        | 2          |

    Scenario: RSET after a refused MAIL
      Given a client that has said EHLO
      When it says "MAIL"
      Then the relay answers 5yz
      When it says "RSET"
      Then the relay answers 250
      And it can still relay a message

    Scenario: RSET after a message
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      When it says "RSET"
      Then the relay answers 250
      And it can still relay a message

  @RFC5321-4.1.1.5/rset-discards @must
  Rule: RSET ends the transaction that is open
    Sender and recipients are forgotten. RFC 5321 §4.1.1.5.

    Scenario Outline: After RSET in a transaction with <recipients> recipients there is none
      Given a client that has said EHLO
      And it has begun a transaction with <recipients> recipients
      When it says "RSET"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | recipients |
        | no         |
        | 1          |

    @needs.deliveries
    Scenario: The recipients before RSET don't get the message after it
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "RSET"
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

  @RFC5321-4.1.1.5/rset-stays-open @must
  Rule: RSET never closes the session
    RFC 5321 §4.1.1.5.

    Scenario Outline: The session goes on after RSET by a client that has <state>
      Given a client that has <state>
      When it says "RSET"
      Then the session is still open

      Examples:
        | state     |
        | connected |
        | said EHLO |

  @RFC5321-4.1.1.9/noop @must
  Rule: NOOP is answered with 250
    RFC 5321 §4.1.1.9.

    Scenario: NOOP after EHLO
      Given a client that has said EHLO
      When it says "NOOP"
      Then the relay answers 250

    Scenario: NOOP in a transaction
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "NOOP"
      Then the relay answers 250

  @RFC5321-4.1.1.9/noop-argument @should
  Rule: What stands behind NOOP is ignored
    RFC 5321 §4.1.1.9.

    Scenario Outline: NOOP with <what>
      Given a client that has said EHLO
      When it says "NOOP <argument>"
      Then the relay answers 250

      Examples:
        | what            | argument        |
        | a word          | anything        |
        | a quoted string | "several words" |

  @RFC5321-4.1.1.8/help @should
  Rule: HELP is served
    RFC 5321 §4.1.1.8.

    Scenario: HELP
      Given a client that has said EHLO
      When it says "HELP"
      Then the relay answers 211 or 214

  @RFC5321-4.1.1.6/vrfy @should
  Rule: VRFY is served
    It belongs to the least that a relay serves, but may be turned off, and may well be refused. RFC 5321 §3.5.2, §4.5.1.

    Scenario: VRFY of a recipient
      Given a client that has said EHLO
      When it says "VRFY {recipient}"
      Then the relay answers 250 or 251 or 252 or 4yz or 550 or 551 or 553 or 554

  @RFC5321-3.5.3/vrfy-unverified @must
  Rule: VRFY is answered with 250 only for an address that was verified
    252 is for one that looks good. RFC 5321 §3.5.3. No domain under .invalid has users.

    Scenario Outline: VRFY of <what>
      Given a client that has said EHLO
      When it says "VRFY <argument>"
      Then the relay answers 251 or 252 or 4yz or 5yz

      Examples:
        | what                        | argument                      |
        | an address that can't exist | nobody@no-such-domain.invalid |
        | a bracketed one             | <nobody@no-such-domain.invalid> |

  @RFC5321-4.1.1.11/unknown-parameter @should
  Rule: MAIL and RCPT with a parameter that the relay doesn't know are refused
    With 555. RFC 5321 §4.1.1.11. A parameter of an extension that isn't announced is one of those.

    Scenario Outline: <verb> with an unknown parameter, <what>
      Given a client that has said EHLO
      And it has said "<before>"
      When it says "<line> <parameter>"
      Then the relay answers 455 or 5yz
      And the session is in step

      Examples:
        | verb | before               | line                  | what              | parameter         |
        | MAIL | NOOP                 | MAIL FROM:<{sender}>  | with a value      | XYZZY=1           |
        | MAIL | NOOP                 | MAIL FROM:<{sender}>  | without a value   | XYZZY             |
        | RCPT | MAIL FROM:<{sender}> | RCPT TO:<{recipient}> | with a value      | XYZZY=1           |
        | RCPT | MAIL FROM:<{sender}> | RCPT TO:<{recipient}> | without a value   | XYZZY             |
