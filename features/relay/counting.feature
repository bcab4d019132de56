@documented
Feature: What counts towards a user's limits

  Counted is the sender that the server gives in the transaction, MAIL FROM: not what the message says of itself, and not
  who logged in. How many recipients fit into one transaction stands here as well.

  Background:
    Given a customer "acme" with 2,000 licences:
      | users | anna@acme.example, bert@acme.example |

  @LIM-RCPT-PER-TX @should
  Rule: One transaction may have more than 100 recipients
    The service's servers can deal with more than 100 recipients in one transaction. Other pages of the service name 100
    as the bound, so a relay that keeps to that is compliant too. Document: line 26.

    @needs.over-100
    Scenario: A message to 101 recipients is accepted
      When "anna@acme.example" relays a message to 101 new recipients
      Then the relay accepts it

    @needs.over-100
    Scenario: A message to 500 recipients is accepted
      When "anna@acme.example" relays a message to 500 new recipients
      Then the relay accepts it

  @LIM-RCPT-RFC5321 @may
  Rule: Recipients past the hundredth may be refused, and then for now
    RFC 5321 lets a server bound the recipients of a transaction at 100 or more. A server that refuses one past its bound
    says 452, so that the sender brings the rest in another transaction. Document: line 26.

    Scenario: Recipients past the hundredth are accepted or refused with 452
      When "anna@acme.example" relays a message to 130 new recipients
      Then the relay accepts the first 100 recipients, and each other one or refuses it with 452

    Scenario: The rest goes through in another transaction
      Given "anna@acme.example" has relayed a message to 100 new recipients
      When "anna@acme.example" relays a message to 30 new recipients
      Then the relay accepts it

  @CNT-ENVELOPE @must
  Rule: Messages count for the sender that MAIL FROM gives
    Messages are counted by the address that the sender gives during the SMTP transaction. Document: line 28.

    @volume
    Scenario: A message counts for its envelope sender
      Given "anna@acme.example" has relayed 9,999 messages
      And "anna@acme.example" has relayed a message
      When "anna@acme.example" relays a message to "bob@other.example" with the fields:
        | From | bert@acme.example |
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Another envelope sender has places of its own
      Given "anna@acme.example" has relayed 10,000 messages
      And "anna@acme.example" has been refused a message
      When "bert@acme.example" relays a message to "bob@other.example" with the fields:
        | From | anna@acme.example |
      Then the relay accepts it

    @volume
    Scenario: A message's recipients count for its envelope sender
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has relayed a message to 1 new recipient
      When "anna@acme.example" relays a message to "bob@other.example" with the fields:
        | From | bert@acme.example |
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Another envelope sender has recipients of its own
      Given "anna@acme.example" has relayed to 10,000 different recipients
      And "anna@acme.example" has been refused a message
      When "bert@acme.example" relays a message to "bob@other.example" with the fields:
        | From | anna@acme.example |
      Then the relay accepts it

    @volume
    Scenario: A sender that is changed to postmaster doesn't count for the postmaster
      Given a customer "opencorp" with 2,000 licences:
        | users | postmaster@opencorp.example |
      And "opencorp" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "opencorp.example" in EHLO
      And "postmaster@opencorp.example" has relayed 9,999 messages
      When "stranger@yahoo.example" relays 3 messages
      Then the relay accepts them all
      When "postmaster@opencorp.example" relays a message
      Then the relay accepts it
      When "postmaster@opencorp.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: A sender that is changed to postmaster takes none of the postmaster's recipients
      Given a customer "opencorp" with 2,000 licences:
        | users | postmaster@opencorp.example |
      And "opencorp" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "opencorp.example" in EHLO
      And "postmaster@opencorp.example" has relayed to 9,999 different recipients
      When "stranger@yahoo.example" relays a message to 3 new recipients
      Then the relay accepts it
      When "postmaster@opencorp.example" relays a message to 1 new recipient
      Then the relay accepts it
      When "postmaster@opencorp.example" relays a message to 1 new recipient
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

  @CNT-UNREGISTERED @must
  Rule: The limits of a user don't hold for a sender who isn't registered
    A printer or an application that relays under the customer's domain without being a user has neither limit; the
    customer's own limits remain. Document: line 28.

    @volume
    Scenario: An unregistered sender relays 10,001 messages
      When "app@acme.example" relays 10,001 messages
      Then the relay accepts them all

    @volume
    Scenario: An unregistered sender relays to 10,001 different recipients
      When "app@acme.example" relays to 10,001 different recipients
      Then the relay accepts them all

    @needs.exact-factors
    Scenario: The customer's limits hold for an unregistered sender
      Given a customer "smallco" with 1 licence
      And "app@smallco.example" has relayed 9 messages
      When "app@smallco.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

  @CNT-NOT-HEADERS @must
  Rule: Addresses in the fields From and Reply-To don't count
    However many addresses stand in the header of a message, none of them takes a place. Document: line 28.

    Scenario Outline: 10,001 addresses in <field> take no place
      Given "anna@acme.example" has relayed a message to "bob@other.example"
      When "anna@acme.example" relays a message to "bob@other.example" with the fields:
        | <field> | 10,001 addresses |
      Then the relay accepts it
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay accepts it

      Examples:
        | field    |
        | From     |
        | Reply-To |

    @volume
    Scenario: Addresses in From take no place of a recipient
      Given "anna@acme.example" has relayed to 9,998 different recipients
      And "anna@acme.example" has relayed a message to "bob@other.example"
      When "anna@acme.example" relays a message to "bob@other.example" with the fields:
        | From | 50 addresses |
      Then the relay accepts it
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message to "dave@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Addresses in Reply-To take no place of a recipient
      Given "anna@acme.example" has relayed to 9,998 different recipients
      And "anna@acme.example" has relayed a message to "bob@other.example"
      When "anna@acme.example" relays a message to "bob@other.example" with the fields:
        | Reply-To | 50 addresses |
      Then the relay accepts it
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message to "dave@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    Scenario: Addresses in the header take no place of the customer
      Given a customer "smallco" with 1 licence
      When "app@smallco.example" relays a message to "bob@other.example" with the fields:
        | From     | 50 addresses |
        | Reply-To | 50 addresses |
      Then the relay accepts it
      When "app@smallco.example" relays a message
      Then the relay accepts it

  @CNT-NOT-AUTH @must
  Rule: The address given in SMTP authentication doesn't count
    With "Require SMTP authentication" a server may log in as one user and relay for others; only the sender of each
    transaction counts. Document: line 28.

    Background:
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |
      And the server authenticates as "anna@acme.example"

    @volume
    Scenario: Who logged in may have no place left
      Given "anna@acme.example" has relayed 10,000 messages
      When "bert@acme.example" relays a message
      Then the relay accepts it

    @volume
    Scenario: Relaying for others uses no place of who logged in
      Given "anna@acme.example" has relayed 9,999 messages
      When "bert@acme.example" relays 5 messages
      Then the relay accepts them all
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @volume
    Scenario: The sender's limit holds whoever logged in
      Given "bert@acme.example" has relayed 10,000 messages
      When "bert@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Who logged in may have no recipient left
      Given "anna@acme.example" has relayed to 10,000 different recipients
      When "bert@acme.example" relays a message to 1 new recipient
      Then the relay accepts it

    @volume
    Scenario: Relaying for others uses no recipient of who logged in
      Given "anna@acme.example" has relayed to 9,999 different recipients
      When "bert@acme.example" relays a message to 5 new recipients
      Then the relay accepts it
      When "anna@acme.example" relays a message to 1 new recipient
      Then the relay accepts it

    @volume
    Scenario: The sender's limit of recipients holds whoever logged in
      Given "bert@acme.example" has relayed to 10,000 different recipients
      When "bert@acme.example" relays a message to 1 new recipient
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"
