@documented
Feature: The limits of each user

  A registered user relays up to 10,000 messages a day, and to up to 10,000 different recipients. Customers here have
  2,000 licences where their own limits shall stay out of the way: 260,000 recipients a day, 18,000 in 10 minutes.

  Background:
    Given a customer "acme" with 2,000 licences:
      | users | anna@acme.example, bert@acme.example |

  @LIM-USER-MSGS @must
  Rule: A user relays at most 10,000 messages in 24 hours
    The 10,000th message of a registered user within 24 hours is taken, the next is refused. It is messages that this
    limit counts, whomever they go to. Document: line 19.

    @ERR-USER @volume
    Scenario: The 10,000th message is accepted and the 10,001st refused
      Given "anna@acme.example" has relayed 9,999 messages
      When "anna@acme.example" relays a message
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: A message counts once, however many recipients it has
      Given "anna@acme.example" has relayed 9,998 messages
      And "anna@acme.example" has relayed a message to 50 new recipients
      When "anna@acme.example" relays a message
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Each user has a limit of their own
      Given "anna@acme.example" has relayed 10,000 messages
      And "anna@acme.example" has been refused a message
      When "bert@acme.example" relays a message
      Then the relay accepts it

    @volume
    Scenario: Two sessions and one message left
      Given "anna@acme.example" has relayed 9,999 messages
      When "anna@acme.example" relays a message in each of two sessions at once
      Then the relay accepts one and refuses the other with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: A message given up with RSET doesn't count
      Given "anna@acme.example" has relayed 9,999 messages
      And "anna@acme.example" has given up a message with RSET
      When "anna@acme.example" relays a message
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: A message that broke off in mid-text doesn't count
      Given "anna@acme.example" has relayed 9,999 messages
      And "anna@acme.example" has given up a message in the middle of its text
      When "anna@acme.example" keeps trying to relay a message
      Then the relay accepts it

    @volume
    Scenario: A message refused for now doesn't count
      Given "anna@acme.example" has relayed 9,990 messages
      And "acme" has become a customer with:
        | licences | 100 |
      And "anna@acme.example" has been refused 20 messages
      When "acme" becomes a customer with:
        | licences | 2,000 |
      And "anna@acme.example" relays 10 messages
      Then the relay accepts them all
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume @needs.clock
    Scenario: A day later the user relays again
      Given "anna@acme.example" has relayed 10,000 messages
      And "anna@acme.example" has been refused a message
      When 24 hours and 1 second pass
      And "anna@acme.example" relays a message
      Then the relay accepts it

    @volume @needs.clock @needs.sliding-windows
    Scenario: A second before the 24 hours end the user is refused, a second after not
      Given "anna@acme.example" has relayed 10,000 messages
      When 23 hours, 59 minutes and 59 seconds have passed since the first message
      And "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"
      When 24 hours and 10 seconds have passed since the first message
      And "anna@acme.example" relays a message
      Then the relay accepts it

  @LIM-USER-LICENCE @should
  Rule: A user's limit of messages may be lower with few licences
    How many messages a user may relay depends on the customer's licences as well; the document gives no formula. What can
    be seen from outside: with few licences no user gets anywhere near 10,000 messages. 10 licences give 1,300 recipients, or
    1,430 where that is only about. Document: line 19.

    @volume @needs.clock
    Scenario: With few licences a user is refused long before 10,000 messages
      Given "anna@acme.example" has relayed 1,430 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 10 |
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @volume
    Scenario: With many licences a user has the whole 10,000 messages
      Given "anna@acme.example" has relayed 9,999 messages
      When "anna@acme.example" relays a message
      Then the relay accepts it

  @LIM-USER-UNIQ @must
  Rule: A user relays to at most 10,000 different recipients in 24 hours
    Only recipients that the user hasn't relayed to within 24 hours take a place; sending again to a known one takes none.
    Document: line 20.

    @ERR-USER @volume
    Scenario: The 10,000th recipient is accepted and the 10,001st refused
      Given "anna@acme.example" has relayed to 9,999 different recipients
      When "anna@acme.example" relays a message to 1 new recipient
      Then the relay accepts it
      When "anna@acme.example" relays a message to 1 new recipient
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: The same recipient again takes no place
      Given "anna@acme.example" has relayed to 9,999 different recipients
      When "anna@acme.example" relays 3 messages to "bob@other.example"
      Then the relay accepts them all
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: The same recipient is welcome after the limit is reached
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has relayed a message to "bob@other.example"
      And "anna@acme.example" has been refused a message to "carol@other.example"
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it

    @volume
    Scenario: A domain in capitals is the same recipient
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has relayed a message to "bob@other.example"
      When "anna@acme.example" relays a message to "bob@OTHER.EXAMPLE"
      Then the relay accepts it

    @volume @assumed
    Scenario: A whole address in capitals is the same recipient
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has relayed a message to "bob@other.example"
      When "anna@acme.example" relays a message to "BOB@OTHER.EXAMPLE"
      Then the relay accepts it

    @volume
    Scenario: Recipients of a refused message take no place
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has been refused a message to "bob@other.example, carol@other.example"
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message to "dave@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Recipients given up with RSET take no place
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has given up 5 messages to "carol@other.example" with RSET
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it

    @volume
    Scenario: Recipients of a message that broke off in mid-text take no place
      Given "anna@acme.example" has relayed to 9,999 different recipients
      And "anna@acme.example" has given up a message to "carol@other.example" in the middle of its text
      When "anna@acme.example" keeps trying to relay a message to "bob@other.example"
      Then the relay accepts it

    @volume
    Scenario: Two sessions and one recipient left
      Given "anna@acme.example" has relayed to 9,999 different recipients
      When "anna@acme.example" relays a message to 1 new recipient in each of two sessions at once
      Then the relay accepts one and refuses the other with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: Two users relay to the same recipients
      Given "anna@acme.example" has relayed to 10,000 different recipients
      And "anna@acme.example" has been refused a message to "bob@other.example"
      When "bert@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it

    @volume @needs.clock
    Scenario: A day later the user relays to new recipients
      Given "anna@acme.example" has relayed to 10,000 different recipients
      And "anna@acme.example" has been refused a message
      When 24 hours and 1 second pass
      And "anna@acme.example" relays a message
      Then the relay accepts it

    @volume @needs.clock @needs.sliding-windows
    Scenario: A second before the 24 hours end a new recipient is refused, a second after not
      Given "anna@acme.example" has relayed to 10,000 different recipients
      When 23 hours, 59 minutes and 59 seconds have passed since the first message
      And "anna@acme.example" relays a message to 1 new recipient
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"
      When 24 hours and 10 seconds have passed since the first message
      And "anna@acme.example" relays a message to 1 new recipient
      Then the relay accepts it

    @volume @needs.clock @needs.sliding-windows @assumed
    Scenario: Relaying again to a recipient keeps the place
      Given "anna@acme.example" has relayed a message to "bob@other.example"
      And 12 hours have passed
      And "anna@acme.example" has relayed a message to "bob@other.example"
      And "anna@acme.example" has relayed to 9,999 different recipients
      And 12 hours and 1 second have passed
      When "anna@acme.example" relays a message to "carol@other.example"
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it

  @ERR-USER @must
  Rule: Past either limit of a user the sender gets 550 5.4.5
    Whichever of the user's two limits is exceeded, the answer is "550 5.4.5 Daily SMTP relay limit exceeded for user". It
    is a refusal for good. Document: line 24.

    @volume
    Scenario: The error past the limit of messages
      Given "anna@acme.example" has relayed 10,000 messages
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume
    Scenario: The error past the limit of recipients
      Given "anna@acme.example" has relayed to 10,000 different recipients
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

    @volume @needs.deliveries
    Scenario: What is refused doesn't leave the relay
      Given "anna@acme.example" has relayed 10,000 messages
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"
      And nobody receives it
