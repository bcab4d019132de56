@documented
Feature: Trial and unpaid customers

  A customer in the free trial, and one that hasn't paid its first invoice, has lower limits. They rise when it pays.

  @TRIAL-LOWER @must
  Rule: A customer in the trial has lower limits
    The document doesn't say how low: 13,000 recipients in 24 hours, 900 in every 10 minutes, are what a paying customer with
    100 licences relays, and any number below will do, in the day or in the 10 minutes. Document: line 32.

    @volume @needs.clock @needs.exact-factors
    Scenario: A trial doesn't get as far as a paying customer
      Given a customer "tryout" with 100 licences:
        | billing | trial |
      When "app@tryout.example" tries to relay 13,000 messages, 900 in every 10 minutes
      Then the relay accepts at most 12,999 of the recipients

    Scenario: A trial relays
      Given a customer "tryout" with 100 licences:
        | billing | trial |
      When "app@tryout.example" relays a message
      Then the relay accepts it

  @TRIAL-PAY @must
  Rule: Only payment raises the limits of a trial
    That the trial ends isn't enough: the invoice must be paid. (Gmail's own limits rise with the end of the trial.) The trial
    here relays up to its limit, whichever that is. Document: line 32.

    Background:
      Given a customer "tryout" with 100 licences:
        | billing | trial |
      And "app@tryout.example" has relayed 13,000 messages, 900 in every 10 minutes, until it was refused

    @volume @needs.clock @needs.exact-factors
    Scenario: The end of the trial alone changes nothing
      When "tryout" becomes a customer with:
        | billing | trial ended, not paid |
      And "app@tryout.example" relays a message
      Then the relay refuses it, for good or for now

    @volume @needs.clock @needs.exact-factors
    Scenario: Payment raises the limits within the trial
      When "tryout" becomes a customer with:
        | billing | trial, paid |
      And "app@tryout.example" relays a message
      Then the relay accepts it

    @volume @needs.clock @needs.exact-factors
    Scenario: Payment raises the limits after the trial
      When "tryout" becomes a customer with:
        | billing | paid |
      And "app@tryout.example" relays a message
      Then the relay accepts it

  @LIM-UNPAID-DAY @must
  Rule: A customer that hasn't paid yet relays to at most 100 recipients a day
    Whatever its licences would give. Document: line 47.

    @needs.clock
    Scenario: The 100th recipient is accepted and the 101st refused
      Given a customer "newco" with 100 licences:
        | billing | not paid |
      And "app@newco.example" has relayed 99 messages, 50 in every 10 minutes
      And 10 minutes and 1 second have passed
      When "app@newco.example" relays a message
      Then the relay accepts it
      When "app@newco.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @needs.clock
    Scenario: Payment gives the customer its licences' places
      Given a customer "newco" with 100 licences:
        | billing | not paid |
      And "app@newco.example" has relayed 100 messages, 50 in every 10 minutes
      And 10 minutes and 1 second have passed
      And "app@newco.example" has been refused a message
      When "newco" becomes a customer with:
        | billing | paid |
      And "app@newco.example" relays a message
      Then the relay accepts it

    @needs.clock
    Scenario: A day later the customer relays again
      Given a customer "newco" with 100 licences:
        | billing | not paid |
      And "app@newco.example" has relayed 100 messages, 50 in every 10 minutes
      And 10 minutes and 1 second have passed
      And "app@newco.example" has been refused a message
      When 24 hours and 1 second pass
      And "app@newco.example" relays a message
      Then the relay accepts it

    @needs.clock @needs.sliding-windows
    Scenario: A second before the 24 hours end the customer is refused, a second after not
      Given a customer "newco" with 100 licences:
        | billing | not paid |
      And "app@newco.example" has relayed 100 messages, 50 in every 10 minutes
      When 23 hours, 59 minutes and 59 seconds have passed since the first message
      And "app@newco.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."
      When 24 hours and 1 second have passed since the first message
      And "app@newco.example" relays a message
      Then the relay accepts it

  @LIM-UNPAID-PEAK @must
  Rule: A customer that hasn't paid yet relays to at most 50 recipients in 10 minutes
    Whatever its licences would give. Document: line 47.

    Background:
      Given a customer "newco" with 100 licences:
        | billing | not paid |

    Scenario: The 50th recipient is accepted and the 51st refused
      Given "app@newco.example" has relayed 49 messages
      When "app@newco.example" relays a message
      Then the relay accepts it
      When "app@newco.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.clock
    Scenario: Ten minutes later the customer relays again
      Given "app@newco.example" has relayed 50 messages
      And "app@newco.example" has been refused a message
      When 10 minutes and 1 second pass
      And "app@newco.example" relays a message
      Then the relay accepts it

    @needs.clock @needs.sliding-windows
    Scenario: A second before the 10 minutes end the customer is refused, a second after not
      Given "app@newco.example" has relayed 50 messages
      When 9 minutes and 59 seconds have passed since the first message
      And "app@newco.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."
      When 10 minutes and 1 second have passed since the first message
      And "app@newco.example" relays a message
      Then the relay accepts it

    Scenario: Payment lets the customer go on
      Given "app@newco.example" has relayed 50 messages
      And "app@newco.example" has been refused a message
      When "newco" becomes a customer with:
        | billing | paid |
      And "app@newco.example" relays a message
      Then the relay accepts it
