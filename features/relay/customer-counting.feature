@documented
Feature: What counts towards a customer's limits

  All that a customer relays counts together, whoever sends it and from whichever of its domains, every recipient of every
  message. When the customer's limit is reached nobody of that customer can send.

  @LIM-CUST-BLOCKS-ALL @must
  Rule: Once a customer's limit is reached none of its senders can send
    It doesn't matter whether the sender is a registered user. Here one user relays what 20 licences allow and 1 doesn't.
    Document: line 30.

    Background:
      Given a customer "acme" with 20 licences:
        | users | anna@acme.example, bert@acme.example |
      And "acme" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "acme.example" in EHLO

    @ERR-CUST-DAY @needs.clock
    Scenario Outline: The limit of the day stops <who>
      Given "anna@acme.example" has relayed 150 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 1 |
      When "<sender>" relays a message to "bob@other.example"
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

      Examples:
        | who                      | sender                 |
        | a registered user        | bert@acme.example      |
        | an unregistered sender   | app@acme.example       |
        | an outsider known by EHLO | stranger@yahoo.example |

    @ERR-CUST-PEAK
    Scenario Outline: The limit of 10 minutes stops <who>
      Given "anna@acme.example" has relayed 100 messages
      And "acme" has become a customer with:
        | licences | 1 |
      When "<sender>" relays a message to "bob@other.example"
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

      Examples:
        | who                      | sender                 |
        | a registered user        | bert@acme.example      |
        | an unregistered sender   | app@acme.example       |
        | an outsider known by EHLO | stranger@yahoo.example |

    @needs.clock
    Scenario: Another customer goes on
      Given a customer "globex" with 1 licence
      And "anna@acme.example" has relayed 150 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 1 |
      And "anna@acme.example" has been refused a message
      When "app@globex.example" relays a message
      Then the relay accepts it

  @ERR-CUST-PRECEDENCE @must
  Rule: Past the customer's limit the error is the customer's, not the user's
    When the customer's limit is reached the sender is told so by the customer's error, also when the user's own limit is
    exceeded. Here a user relays 10,000 messages before the customer has fewer licences. Document: line 30.

    Background:
      Given a customer "acme" with 2,000 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed 10,000 messages

    @volume @needs.clock
    Scenario: The error of the customer's day comes before the user's
      Given 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 50 |
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @volume
    Scenario: The error of the customer's 10 minutes comes before the user's
      Given "acme" has become a customer with:
        | licences | 100 |
      When "anna@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @volume @assumed
    Scenario: The error of the day comes before that of the 10 minutes
      Given "acme" has become a customer with:
        | licences | 50 |
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

  @CNT-UNIQ-VS-TOTAL @must
  Rule: A user's recipients count once, a customer's every time
    The user's limit counts different recipients, the customer's counts all of them. Document: line 45.

    @needs.exact-factors
    Scenario: The same recipient counts every time for the customer
      Given a customer "acme" with 1 licence:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed 9 messages to "bob@other.example"
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @volume
    Scenario: The same recipient counts once for the user
      Given a customer "acme" with 2,000 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed to 9,998 different recipients
      When "anna@acme.example" relays 20 messages to "bob@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message to "dave@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

  @CNT-EXAMPLE @must
  Rule: 1,000 messages to A and 1,000 to B count 2 for the user and 2,000 for the customer
    The document's own example: the user has two different recipients, the customer 2,000 recipients in all. From outside
    each count is seen where its limit begins. Document: line 45.

    @volume
    Scenario: It counts 2 for the user
      Given a customer "acme" with 2,000 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed to 9,997 different recipients
      When "anna@acme.example" relays 1,000 messages to "a@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays 1,000 messages to "b@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays a message to "c@other.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message to "d@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume @needs.exact-factors
    Scenario: It counts 2,000 for the customer
      Given a customer "acme" with 223 licences:
        | users | anna@acme.example |
      When "anna@acme.example" relays 1,000 messages to "a@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays 1,000 messages to "b@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays a message to 7 new recipients
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

  @CNT-CUST-ALL @must
  Rule: All mail that a customer relays counts
    Whoever of the customer sends it, to whomever. Document: line 46.

    @needs.exact-factors
    Scenario: All senders of a customer count together
      Given a customer "acme" with 1 licence:
        | users | anna@acme.example, bert@acme.example |
      And "anna@acme.example" has relayed 3 messages
      And "bert@acme.example" has relayed 3 messages
      And "app@acme.example" has relayed 3 messages
      When "anna@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: Mail of every session counts together
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 5 messages
      And the server connects to port 25
      And "app@acme.example" has relayed 4 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: Mail of a server that authenticated counts
      Given a customer "acme" with 1 licence:
        | users | anna@acme.example |
      And the server authenticates as "anna@acme.example"
      And "anna@acme.example" has relayed 9 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: Mail with the null sender counts
      Given a customer "acme" with 1 licence
      And the server presents "acme.example" in EHLO
      And "acme" has the relay setting "Office":
        | allowed senders | any |
      And "<>" has relayed 9 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors @assumed
    Scenario: Mail to the customer's own domain counts
      Given a customer "acme" with 1 licence:
        | users | anna@acme.example |
      And "app@acme.example" has relayed 9 messages to "anna@acme.example"
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

  @CNT-CUST-SUBDOM @must
  Rule: Mail from any secondary domain or subdomain counts for the same customer
    It makes no difference from which of the customer's domains mail is relayed. Document: line 46.

    @needs.exact-factors
    Scenario: A secondary domain counts with the first
      Given a customer "acme" with 1 licence:
        | domains | acme.example, acme-labs.example |
      And "app@acme.example" has relayed 4 messages
      And "app@acme-labs.example" has relayed 5 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: A registered subdomain counts with its domain
      Given a customer "acme" with 1 licence:
        | domains | acme.example, eu.acme.example |
      And "app@eu.acme.example" has relayed 9 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: A subdomain that isn't registered itself has no places of its own
      Given a customer "acme" with 1 licence
      And "acme" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "acme.example" in EHLO
      And "app@acme.example" has relayed 9 messages
      When "app@eu.acme.example" relays a message
      Then the relay refuses it, for good or for now

  @CNT-CUST-HELO @must
  Rule: Mail of an outside sender counts for the customer whose domain stands in HELO
    A sender from a domain that isn't the customer's uses the places of the customer that the server names in HELO or EHLO.
    Document: line 46.

    Background:
      Given a customer "acme" with 1 licence
      And "acme" has the relay setting "Office":
        | allowed senders | any |

    @needs.exact-factors
    Scenario Outline: Mail of an outsider counts for the domain in <verb>
      Given the server presents "acme.example" in <verb>
      And "stranger@yahoo.example" has relayed 9 messages
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

      Examples:
        | verb |
        | HELO |
        | EHLO |

    @needs.exact-factors @needs.helo-suffix
    Scenario: Mail of an outsider counts for the domain of the server's name
      Given the server presents "mail.acme.example" in EHLO
      And "stranger@yahoo.example" has relayed 9 messages
      When "stranger@yahoo.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: An outsider has places for each customer apart
      Given a customer "globex" with 1 licence
      And "globex" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "acme.example" in EHLO
      And "stranger@yahoo.example" has relayed 9 messages
      And the server presents "globex.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it
