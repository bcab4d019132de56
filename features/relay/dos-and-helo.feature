@documented
Feature: Connections, and the name that a server presents

  A server that sends a lot shall keep its connection and present a name of its own.

  Background:
    Given a customer "acme" with 100 licences:
      | users | anna@acme.example |

  @DOS-CONN-REUSE @must
  Rule: One connection carries several messages
    Agents that send a lot reuse their connections, several messages through each ("connection caching"), so the relay
    takes several in one session. Document: line 52.

    Scenario: 100 messages go through one session
      When "anna@acme.example" relays 100 messages
      Then the relay accepts them all in one session

    Scenario: A message follows one that was given up
      Given "anna@acme.example" has given up a message with RSET
      When "anna@acme.example" relays 2 messages
      Then the relay accepts them all in one session

  @HELO-DOS-SOMETIMES @may
  Rule: A name that many servers share may trip the protection against floods
    Presenting "localhost" or the relay's own name sometimes causes trouble: the relay may refuse such a session, and needn't.
    Document: line 131.

    Scenario Outline: The name <name> is served, or closed with 421
      Given the server presents "<name>" in <verb>
      When the server opens a session
      Then the relay serves the session, or answers 421 and closes it

      Examples:
        | verb | name                 |
        | EHLO | localhost            |
        | EHLO | smtp-relay.gmail.com |
        | EHLO | [127.0.0.1]          |
        | HELO | localhost            |

    Scenario: A name of its own is served
      Given the server presents "mail.acme.example" in EHLO
      When the server opens a session
      And "anna@acme.example" relays a message
      Then the relay accepts it
