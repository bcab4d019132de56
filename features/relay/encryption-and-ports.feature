@documented
Feature: Encryption and ports

  With "require TLS encryption" nothing is taken in clear text. The relay is reached on ports 25, 465 and 587.

  @TLS-REQUIRE @must
  Rule: With "require TLS" all that the servers say to each other is encrypted
    The content of messages, too. Document: line 111.

    Background:
      Given a customer "acme" with 100 licences:
        | users | anna@acme.example |
      And "acme" has the relay setting "Office":
        | TLS | required |

    @TLS-REJECT-PLAIN
    Scenario Outline: Clear text on port <port> is refused
      Given the server connects to port <port>
      When "anna@acme.example" relays a message
      Then the relay refuses it

      Examples:
        | port |
        | 25   |
        | 587  |

    Scenario: A session encrypted with STARTTLS on port 25 relays
      Given the server connects to port 25
      And the server encrypts with STARTTLS
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @assumed
    Scenario: A session encrypted from the start on port 465 relays
      Given the server connects to port 465
      When "anna@acme.example" relays a message
      Then the relay accepts it

  @TLS-REJECT-PLAIN @must
  Rule: Mail that isn't encrypted is refused where TLS is required
    The document gives no words for the refusal. Document: line 113.

    Background:
      Given a customer "acme" with 100 licences:
        | users | anna@acme.example |
      And "acme" has the relay setting "Office":
        | TLS | required |

    @TLS-REQUIRE @needs.deliveries
    Scenario: Mail that wasn't encrypted never leaves the relay
      When "anna@acme.example" relays a message
      Then the relay refuses it
      And nobody receives it

    @TLS-REQUIRE
    Scenario: What is refused in clear text is accepted with STARTTLS
      Given "anna@acme.example" has been refused a message
      And the server encrypts with STARTTLS
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @TLS-REQUIRE
    Scenario: Where TLS isn't required clear text is accepted
      When "acme" changes the relay setting "Office":
        | TLS | not required |
      And "anna@acme.example" relays a message
      Then the relay accepts it

  @PORT-587-TLS @must
  Rule: Where TLS is required servers use port 587
    So STARTTLS works there. Document: line 126.

    Scenario: STARTTLS on port 587 satisfies a setting that requires TLS
      Given a customer "acme" with 100 licences
      And "acme" has the relay setting "Office":
        | TLS | required |
      And the server connects to port 587
      And the server encrypts with STARTTLS
      When "app@acme.example" relays a message
      Then the relay accepts it

  @PORT-PLAIN @must
  Rule: Where TLS isn't required servers use port 25, 465 or 587
    Document: line 127.

    Scenario Outline: Port <port> takes mail
      Given a customer "acme" with 100 licences
      And the server connects to port <port>
      When "app@acme.example" relays a message
      Then the relay accepts it

      Examples:
        | port |
        | 25   |
        | 465  |
        | 587  |

    Scenario: STARTTLS is there for who wants it
      Given a customer "acme" with 100 licences
      And the server encrypts with STARTTLS
      When "app@acme.example" relays a message
      Then the relay accepts it
