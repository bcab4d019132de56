@rfc
Feature: RFC 5321: paths and addresses

  What stands in MAIL and RCPT between < and >. A relay may refuse nearly any address for what it is, with 550 to 554 or 556,
  or for the moment with 4yz; 500, 501 and 555 say that it can't even be read.

  @RFC5321-2.4/local-part-case @must @needs.deliveries
  Rule: The case of a local part is kept
    Only the host of its domain knows whether smith and Smith are one. Domains have no case. RFC 5321 §2.3.11, §2.4.

    Scenario: A recipient in capitals
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      And it has said "RCPT TO:<{upper recipient}>"
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{upper recipient}"

    Scenario: A recipient in small letters
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      And it has said "RCPT TO:<{lower recipient}>"
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{lower recipient}"

  @RFC5321-4.1.2/quoted-local-part @should
  Rule: A local part may be quoted
    Inside the quotes blanks, @ and > are letters like others, and a backslash makes one of what follows. RFC 5321 §4.1.2.

    Scenario Outline: A local part with <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<<local>@{domain of recipient}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556
      And the session is in step

      Examples:
        | what              | local           |
        | a blank           | "two words"     |
        | an at sign        | "one@home"      |
        | a quoted quote    | "a\\\\"b"       |
        | a quoted backslash | "a\\\\\\\\b"   |
        | an angle bracket  | "a>b"           |
        | dots in a row     | "a..b"          |
        | all its specials  | "(a,b:c;d[e]f)" |

  @RFC5321-4.1.2/needless-quotes @should @needs.deliveries
  Rule: Quotes that aren't needed make no other mailbox
    RFC 5321 §4.1.2.

    Scenario Outline: A recipient in quotes, <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<<local>@{domain of recipient}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{recipient}"

      Examples:
        | what             | local                      |
        | as it is         | "{local of recipient}"     |
        | with a backslash | "\\\\{local of recipient}" |

  @RFC5321-4.1.2/specials-in-local-part @should
  Rule: Every character of an atom may stand in a local part
    RFC 5321 §4.1.2, RFC 5322 §3.2.3.

    Scenario Outline: A local part with <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<<local>@{domain of recipient}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

      Examples:
        | what               | local             |
        | a plus             | first+second      |
        | a dot between      | first.second      |
        | punctuation        | !#$&'*-/=?^_`~    |
        | digits             | 0123456789        |

  @RFC5321-4.1.1.3/source-route @must
  Rule: A source route can be read
    A relay may decline to go by it or to take it at all, with 550; it isn't a fault of syntax. RFC 5321 §3.3, §4.1.1.3,
    §4.1.2.

    Scenario Outline: A recipient by way of <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<<route>:{recipient}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556
      And the session is in step

      Examples:
        | what      | route                                                      |
        | one host  | @gateway.example.net                                       |
        | two hosts | @gateway.example.net,@hub.example.org                      |

    Scenario: A sender by way of two hosts
      Given a client that has said EHLO
      When it says "MAIL FROM:<@gateway.example.net,@hub.example.org:{sender}>"
      Then the relay answers 250 or 4yz or 550 or 551 or 552 or 553 or 554 or 556
      And the session is in step

  @RFC5321-4.1.1.3/route-stripped @should @needs.deliveries
  Rule: A source route is taken off
    The message goes to the mailbox as if no route had been given. RFC 5321 §3.3, §3.6.1, §4.1.1.3.

    Scenario: A recipient by way of two hosts gets the message
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<@gateway.example.net,@hub.example.org:{recipient}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered only to "{recipient}"

  @RFC5321-4.1.3/address-literal @should
  Rule: The domain of a mailbox may be an address literal
    RFC 5321 §4.1.2, §4.1.3.

    Scenario Outline: A recipient at <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<someone@<literal>>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

      Examples:
        | what                        | literal                |
        | an IPv4 address             | [192.0.2.25]           |
        | an IPv6 address             | [IPv6:2001:db8::25]    |
        | an IPv6 address with an IPv4 tail | [IPv6:::ffff:192.0.2.25] |

  @RFC5321-4.5.1/postmaster @must
  Rule: Postmaster is a recipient without a domain, in any case of letters
    Mail to it may be blocked for a time against an attack, but not as something that can't be read. RFC 5321 §4.1.1.3,
    §4.5.1.

    Scenario Outline: Postmaster <how>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<recipient>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556
      And the session is in step

      Examples:
        | how                | recipient    |
        | as it is written   | <Postmaster> |
        | in small letters   | <postmaster> |
        | in capitals        | <POSTMASTER> |
        | in both            | <pOsTmAsTeR> |

    Scenario Outline: Postmaster at the domain of a sender, <how>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<<local>@{domain of sender}>"
      Then the relay answers 250 or 251 or 4yz or 550 or 551 or 552 or 553 or 554 or 556

      Examples:
        | how              | local      |
        | as it is written | Postmaster |
        | in capitals      | POSTMASTER |

  @RFC5321-4.5.5/null-reverse-path @must
  Rule: MAIL FROM:<> can be read
    It is how notifications travel. RFC 5321 §3.6.3, §4.1.2, §4.5.5.

    Scenario Outline: MAIL with the null reverse-path, <how>
      Given a client that has <state>
      When it says "<line>"
      Then the relay answers 250 or 4yz or 530 or 550 or 551 or 552 or 553 or 554 or 556
      And the session is in step

      Examples:
        | how              | state     | line         |
        | as it is written | said EHLO | MAIL FROM:<> |
        | after HELO       | said HELO | MAIL FROM:<> |

  @RFC5321-4.5.5/null-stays-null @should @needs.deliveries
  Rule: A null reverse-path is passed on as it is
    So that nobody answers a notification. RFC 5321 §4.5.5. The client says whose it is in EHLO, for relays that want to know.

    Scenario: A notification is relayed
      Given a client that has connected
      And it has said "EHLO {domain of sender}"
      When it says "MAIL FROM:<>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the message is delivered from "<>"

  @RFC5321-4.1.2/empty-forward-path @should
  Rule: RCPT TO:<> names nobody
    RFC 5321 §4.1.2.

    Scenario: The null path as a recipient
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<>"
      Then the relay answers 5yz
      And the session is in step

  @RFC5321-4.1.2/syntax @should
  Rule: What is no path is refused
    And it names nobody: no guess at what was meant. RFC 5321 §3.3, §4.1.2.

    Scenario Outline: A recipient <what>
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<path>"
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | what                         | path                                       |
        | without brackets             | {recipient}                                |
        | without an end               | <{recipient}                               |
        | without a beginning          | {recipient}>                               |
        | without an at sign           | <{local of recipient}>                     |
        | without a local part         | <@{domain of recipient}>                   |
        | without a domain             | <{local of recipient}@>                    |
        | with two at signs            | <a@b@{domain of recipient}>                |
        | with a dot at the beginning  | <.a@{domain of recipient}>                 |
        | with a dot at the end        | <a.@{domain of recipient}>                 |
        | with two dots in a row       | <a..b@{domain of recipient}>               |
        | with a blank                 | <a b@{domain of recipient}>                |
        | with a quote that stays open | <"a@{domain of recipient}>                 |
        | with a quote in an atom      | <a"b@{domain of recipient}>                |
        | with text behind the quotes  | <"a"b@{domain of recipient}>               |
        | with a comma                 | <a,b@{domain of recipient}>                |
        | with brackets inside         | <<a@{domain of recipient}>>                |
        | with an empty label          | <a@one..example.net>                       |
        | with a hyphen before a label | <a@-one.example.net>                       |
        | with a hyphen behind a label | <a@one-.example.net>                       |
        | with a label with !          | <a@on!e.example.net>                       |
        | with an open literal         | <a@[192.0.2.1>                             |
        | with a literal of letters    | <a@[one.two]>                              |
        | with a literal out of range  | <a@[192.0.2.256]>                          |
        | with a control character     | <a\x01b@{domain of recipient}>             |
        | with a NUL                   | <a{NUL}b@{domain of recipient}>            |
        | with a route and no mailbox  | <@one.example.net:>                        |

    Scenario Outline: A sender <what>
      Given a client that has said EHLO
      When it says "MAIL <path>"
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | what                    | path                              |
        | without FROM            | <{sender}>                        |
        | with TO in its place    | TO:<{sender}>                     |
        | without a colon         | FROM <{sender}>                   |
        | without brackets        | FROM:{sender}                     |
        | without an end          | FROM:<{sender}                    |
        | without a domain        | FROM:<{local of sender}@>         |
        | with text behind        | FROM:<{sender}>and more           |
        | with two paths          | FROM:<{sender}><{sender}>         |
        | with two dots in a row  | FROM:<a..b@{domain of sender}>    |

  @RFC5321-3.3/blank-by-the-colon @info
  Rule: No blank stands on either side of the colon
    Clients must not send one; relays differ in whether they forgive it. RFC 5321 §3.3.

    Scenario Outline: MAIL with a blank <where> the colon
      Given a client that has said EHLO
      When it says "<line>"
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step

      Examples:
        | where  | line                  |
        | before | MAIL FROM :<{sender}> |
        | behind | MAIL FROM: <{sender}> |

  @RFC5321-2.4/ascii-only @should
  Rule: Without an extension that allows more, commands are in ASCII
    RFC 5321 §2.4, §4.1.2.

    Scenario Outline: <what> that isn't ASCII is refused
      Given a client that has said EHLO
      And it has said "<before>"
      When it says "<line>"
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | what              | before               | line                                            |
        | A sender          | NOOP                 | MAIL FROM:<j\xC3\xBCrgen@{domain of sender}>    |
        | A recipient       | MAIL FROM:<{sender}> | RCPT TO:<j\xC3\xBCrgen@{domain of recipient}>   |
        | A domain          | MAIL FROM:<{sender}> | RCPT TO:<a@b\xC3\xBCcher.example>               |
        | A lone high octet | MAIL FROM:<{sender}> | RCPT TO:<a\xFFb@{domain of recipient}>          |
