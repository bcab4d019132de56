@rfc
Feature: RFC 5321: the order of commands

  A session is a greeting, EHLO or HELO, then transactions of MAIL, RCPT and DATA. What comes out of turn is refused and
  changes nothing. {sender}, {recipient} and the like are cast anew for each relay.

  @RFC5321-4.1.4/nested-mail @should
  Rule: MAIL inside a transaction is out of sequence
    A client must not send it; a relay that can't go on with it has to answer 503 and to stay where it was. One that takes
    it for a new beginning obeys §4.1.1.2, so that 503 isn't demanded of it. RFC 5321 §4.1.4, §3.3.

    Scenario: A second MAIL is refused
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 503

    Scenario: A second MAIL after a recipient is refused, and the first transaction can be ended
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "MAIL FROM:<>"
      Then the relay answers 503
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step
