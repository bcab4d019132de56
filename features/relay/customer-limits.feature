@documented
Feature: The limits of each customer

  All that a customer relays counts together, every recipient of every message: about 130 recipients a licence in 24 hours,
  about 9 a licence in 10 minutes, and not more than 4,600,000 and 319,444. One licence gives 130 and 9.

  "About" is taken for a tenth more or less. Where a limit shall be passed for certain a customer with 20 licences relays to
  100 or 150 recipients and then has 1 licence.

  @LIM-CUST-LICENCE @must
  Rule: A customer's limits grow with its licences
    How much a customer may relay depends on how many user licences its account has. Document: line 36.

    Scenario: Licences bought give places in the 10 minutes
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 8 messages
      When "app@acme.example" relays a message to 9 new recipients
      Then the relay accepts at most 1 of the recipients
      When "acme" becomes a customer with:
        | licences | 4 |
      And "app@acme.example" relays a message to 9 new recipients
      Then the relay accepts it

    @needs.clock
    Scenario: Licences bought give places in the day
      Given a customer "acme" with 20 licences
      And "app@acme.example" has relayed 150 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 1 |
      And "app@acme.example" has been refused a message
      When "acme" becomes a customer with:
        | licences | 2 |
      And "app@acme.example" relays a message
      Then the relay accepts it

    @needs.exact-factors
    Scenario Outline: <recipients> recipients in 10 minutes with <licences> licences
      Given a customer "acme" with <licences> licences
      And "app@acme.example" has relayed <before> messages
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

      Examples:
        | licences | before | recipients |
        | 2        | 17     | 18         |
        | 10       | 89     | 90         |
        | 100      | 899    | 900        |

    @volume @needs.clock @needs.exact-factors
    Scenario Outline: <recipients> recipients in 24 hours with <licences> licences
      Given a customer "acme" with <licences> licences
      And "app@acme.example" has relayed to <before> different recipients, <each> in every 10 minutes
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

      Examples:
        | licences | before | each | recipients |
        | 2        | 259    | 18   | 260        |
        | 10       | 1,299  | 90   | 1,300      |
        | 100      | 12,999 | 900  | 13,000     |

  @LIM-CUST-SMALL-FIRST @must
  Rule: A small customer meets its own limit before any user's
    130 recipients for each of 76 licences are 9,880: less than the 10,000 of one user. Document: line 36.

    @volume @needs.clock @needs.exact-factors
    Scenario: With 76 licences the customer's limit comes first
      Given a customer "acme" with 76 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed 9,879 messages, 684 in every 10 minutes
      When "anna@acme.example" relays a message
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @volume
    Scenario: With 2,000 licences the user's limit comes first
      Given a customer "acme" with 2,000 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed 9,999 messages
      When "anna@acme.example" relays a message
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.4.5 "Daily SMTP relay limit exceeded for user"

  @LIM-CUST-DAY @must
  Rule: A customer relays to about 130 recipients a licence in 24 hours
    It is all recipients that this limit counts, not the different ones. Document: line 40.

    @ERR-CUST-DAY @needs.clock @needs.exact-factors
    Scenario: The 130th recipient is accepted and the 131st refused
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 129 messages, 9 in every 10 minutes
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @volume @needs.clock
    Scenario Outline: The limit of 100 licences is about 13,000: <sent> sent
      Given a customer "acme" with 2,000 licences
      And "app@acme.example" has relayed to <sent> different recipients
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 100 |
      When "app@acme.example" relays a message
      Then the relay <answers> it

      Examples:
        | sent   | answers |
        | 11,699 | accepts |
        | 14,300 | refuses |

    @needs.clock @needs.exact-factors
    Scenario: A message that fits only in part takes no more than what is left
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 125 messages, 9 in every 10 minutes
      And 10 minutes and 1 second have passed
      When "app@acme.example" relays a message to 9 new recipients
      Then the relay accepts at most 5 of the recipients

    @needs.clock @needs.exact-factors
    Scenario: Two sessions and one place left in the day
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 129 messages, 9 in every 10 minutes
      When "app@acme.example" relays a message in each of two sessions at once
      Then the relay accepts one and refuses the other with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @needs.clock @needs.exact-factors
    Scenario: What was given up takes no place in the day
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 129 messages, 9 in every 10 minutes
      And "app@acme.example" has given up a message with RSET
      When "app@acme.example" relays a message
      Then the relay accepts it

    @needs.clock @needs.exact-factors
    Scenario: What broke off in mid-text takes no place in the day
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 129 messages, 9 in every 10 minutes
      And "app@acme.example" has given up a message in the middle of its text
      When "app@acme.example" keeps trying to relay a message
      Then the relay accepts it

    @needs.clock @needs.exact-factors
    Scenario: What was refused for now takes no place in the day
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 126 messages, 9 in every 10 minutes
      And "app@acme.example" has been refused 20 messages
      When 10 minutes and 1 second pass
      And "app@acme.example" relays 4 messages
      Then the relay accepts them all
      When "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @needs.clock
    Scenario: A day later the customer relays again
      Given a customer "acme" with 20 licences
      And "app@acme.example" has relayed 150 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 1 |
      And "app@acme.example" has been refused a message
      When 24 hours and 1 second pass
      And "app@acme.example" relays a message
      Then the relay accepts it

    @needs.clock @needs.sliding-windows @needs.exact-factors
    Scenario: A place comes back 24 hours after it was taken
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 130 messages, 9 in every 10 minutes
      When 23 hours, 59 minutes and 59 seconds have passed since the first message
      And "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."
      When 24 hours and 1 second have passed since the first message
      And "app@acme.example" relays 9 messages
      Then the relay accepts them all
      When "app@acme.example" relays a message
      Then the relay refuses it, for good or for now

  @LIM-CUST-DAY-MAX @must
  Rule: No customer relays to more than 4,600,000 recipients in 24 hours
    However many licences, this is the most. 130 recipients for each of 35,384 licences are still less. Document: line 40.

    @ERR-CUST-DAY @needs.usage
    Scenario: The 4,600,000th recipient is accepted and the next refused
      Given a customer "acme" with 40,000 licences
      And "acme" has used 4,599,999 recipients of the day
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @needs.usage @needs.exact-factors
    Scenario: 35,384 licences stay below it
      Given a customer "acme" with 35,384 licences
      And "acme" has used 4,599,919 recipients of the day
      And "app@acme.example" has relayed a message
      When "app@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

  @ERR-CUST-DAY @must
  Rule: Past the customer's limit of the day the sender gets 550 5.7.1
    The answer is "550 5.7.1 Daily SMTP relay limit exceeded for customer.", a refusal for good. Document: line 40.

    Background:
      Given a customer "acme" with 20 licences:
        | users | anna@acme.example |
      And "app@acme.example" has relayed 150 messages
      And 10 minutes and 1 second have passed
      And "acme" has become a customer with:
        | licences | 1 |

    @needs.clock
    Scenario: The error of the day
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."

    @needs.clock @needs.deliveries
    Scenario: What the day refuses doesn't leave the relay
      When "anna@acme.example" relays a message
      Then the relay refuses it with 550 5.7.1 "Daily SMTP relay limit exceeded for customer."
      And nobody receives it

  @LIM-CUST-PEAK @must
  Rule: A customer relays to about 9 recipients a licence in 10 minutes
    It is all recipients that this limit counts, in every 10 minutes. Document: line 41.

    @ERR-CUST-PEAK @needs.exact-factors
    Scenario: The 9th recipient is accepted and the 10th refused
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 8 messages
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.exact-factors
    Scenario: Recipients of one message count each
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed a message to 9 new recipients
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @volume
    Scenario Outline: The limit of 100 licences is about 900: <sent> sent
      Given a customer "acme" with 100 licences
      When "app@acme.example" relays to <sent> different recipients
      Then the relay accepts at <bound> of the recipients

      Examples:
        | sent  | bound      |
        | 810   | least 810  |
        | 1,300 | most 990   |

    @needs.exact-factors
    Scenario: A message that fits only in part takes no more than what is left in the 10 minutes
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 5 messages
      When "app@acme.example" relays a message to 9 new recipients
      Then the relay accepts at most 4 of the recipients

    @needs.exact-factors
    Scenario: Two sessions and one place left in the 10 minutes
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 8 messages
      When "app@acme.example" relays a message in each of two sessions at once
      Then the relay accepts one and refuses the other with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    Scenario: What was given up with RSET takes no place
      Given a customer "acme" with 1 licence
      And "app@acme.example" has given up 8 messages with RSET
      When "app@acme.example" relays a message to 8 new recipients
      Then the relay accepts it

    Scenario: What broke off in mid-text takes no place
      Given a customer "acme" with 1 licence
      And "app@acme.example" has given up a message to 8 new recipients in the middle of its text
      When "app@acme.example" keeps trying to relay a message to 8 new recipients
      Then the relay accepts it

    @needs.clock
    Scenario: Ten minutes later the customer relays again
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 8 messages
      And "app@acme.example" has been refused a message to 9 new recipients
      When 10 minutes and 1 second pass
      And "app@acme.example" relays a message to 8 new recipients
      Then the relay accepts it

    @needs.clock @needs.sliding-windows @needs.exact-factors
    Scenario: A place comes back 10 minutes after it was taken
      Given a customer "acme" with 1 licence
      And "app@acme.example" has relayed 4 messages
      And 5 minutes have passed
      And "app@acme.example" has relayed 5 messages
      When 9 minutes and 59 seconds have passed since the first message
      And "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."
      When 10 minutes and 1 second have passed since the first message
      And "app@acme.example" relays 4 messages
      Then the relay accepts them all
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

  @LIM-CUST-PEAK-MAX @must
  Rule: No customer relays to more than 319,444 recipients in 10 minutes
    However many licences, this is the most. 9 recipients for each of 35,493 licences are still less. Document: line 41.

    @ERR-CUST-PEAK @needs.usage
    Scenario: The 319,444th recipient is accepted and the next refused
      Given a customer "acme" with 40,000 licences
      And "acme" has used 319,443 recipients of the 10 minutes
      When "app@acme.example" relays a message
      Then the relay accepts it
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.usage @needs.exact-factors
    Scenario: 35,493 licences stay below it
      Given a customer "acme" with 35,493 licences
      And "acme" has used 319,436 recipients of the 10 minutes
      And "app@acme.example" has relayed a message
      When "app@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

  @ERR-CUST-PEAK @must
  Rule: Past the customer's limit of 10 minutes the sender gets 450 4.2.1
    The answer is "450 4.2.1 Peak SMTP relay limit exceeded for customer.", for now: the sender tries again. Document: line 41.

    Background:
      Given a customer "acme" with 20 licences:
        | users | anna@acme.example |
      And "anna@acme.example" has relayed 100 messages
      And "acme" has become a customer with:
        | licences | 1 |

    Scenario: The error of the 10 minutes
      When "anna@acme.example" relays a message
      Then the relay refuses it with 450 4.2.1 "Peak SMTP relay limit exceeded for customer."

    @needs.clock
    Scenario: What is refused for now is accepted when it is tried again
      Given "anna@acme.example" has been refused a message to "bob@other.example"
      When 10 minutes and 1 second pass
      And "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it
