@documented
Feature: Transactions without a sender

  @NULL-MULTI-RCPT @must
  Rule: A message without a sender has one recipient
    With MAIL FROM:<> the service doesn't support several RCPT TO. How it refuses isn't documented: the second recipient may
    be refused for now (452) or for good, or the whole message. Document: line 132.

    Background:
      Given a customer "acme" with 100 licences:
        | users | anna@acme.example |
      And "acme" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "acme.example" in EHLO

    Scenario: A message without a sender goes to one recipient
      When "<>" relays a message to "bob@other.example"
      Then the relay accepts it

    Scenario: Two recipients of a message without a sender aren't both accepted
      When "<>" relays a message to "bob@other.example, carol@other.example"
      Then the relay accepts at most 1 of the recipients

    Scenario: Two recipients aren't both accepted after SMTP AUTH either
      Given the server authenticates as "anna@acme.example"
      When "<>" relays a message to "bob@other.example, carol@other.example"
      Then the relay accepts at most 1 of the recipients

    @needs.deliveries
    Scenario: The second recipient of a message without a sender doesn't get it
      When "<>" relays a message to "bob@other.example, carol@other.example"
      Then the relay accepts at most 1 of the recipients
      And no more than one of them receives it

    Scenario: Messages without a sender follow each other
      When "<>" relays 3 messages to "bob@other.example"
      Then the relay accepts them all in one session

    Scenario: A message with a sender has as many as it likes
      When "anna@acme.example" relays a message to "bob@other.example, carol@other.example"
      Then the relay accepts it
