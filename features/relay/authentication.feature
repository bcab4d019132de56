@documented
Feature: Authentication

  A relay setting admits mail from listed addresses only, or after SMTP authentication only, or asks for both.

  Background:
    Given a customer "acme" with 100 licences:
      | users | anna@acme.example, bert@acme.example |

  @AUTH-METHODS @must
  Rule: A setting asks for a listed address, for SMTP AUTH, or for both
    One box may be ticked, or the other, or both. That each of both must be satisfied is assumed. Document: line 88.

    Scenario: Addresses alone
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: SMTP AUTH alone
      Given "acme" has the relay setting "Office":
        | addresses | none     |
        | SMTP AUTH | required |
      And the server authenticates as "anna@acme.example"
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: Both, and both satisfied
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
        | SMTP AUTH | required  |
      And the server authenticates as "anna@acme.example"
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: Both, and neither satisfied
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 |
        | SMTP AUTH | required   |
      And the server encrypts with STARTTLS
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @assumed
    Scenario: Both, and nobody authenticated
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
        | SMTP AUTH | required  |
      And the server encrypts with STARTTLS
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @assumed
    Scenario: Both, and the address isn't listed
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 |
        | SMTP AUTH | required   |
      And the server authenticates as "anna@acme.example"
      When "anna@acme.example" relays a message
      Then the relay refuses it

  @AUTH-SMTP @must
  Rule: With "require SMTP authentication" nobody relays without it
    Authentication is compulsory, and shows the domain that sends. Document: line 90.

    Background:
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |

    Scenario: Who authenticated relays
      Given the server authenticates as "anna@acme.example"
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: One user authenticates, another one sends
      Given the server authenticates as "anna@acme.example"
      When "bert@acme.example" relays a message
      Then the relay accepts it

    Scenario: Without authentication there is no relaying, encrypted or not
      Given the server encrypts with STARTTLS
      When "anna@acme.example" relays a message
      Then the relay refuses it

    Scenario: A user of another customer can't relay for this one
      Given a customer "globex" with 100 licences:
        | users | gina@globex.example |
      And the server authenticates as "gina@globex.example"
      When "anna@acme.example" relays a message
      Then the relay refuses it

  @AUTH-TLS @must
  Rule: SMTP AUTH needs TLS
    To use SMTP AUTH the sending server has to connect with TLS. Document: lines 90 and 129.

    Background:
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |

    Scenario: Authentication in clear text is refused
      When the server authenticates as "anna@acme.example" in clear text
      Then the relay refuses it, for good or for now

    @observed
    Scenario: AUTH isn't offered in clear text
      When the server opens a session
      Then the relay doesn't offer AUTH

    Scenario: AUTH is offered after STARTTLS
      Given the server encrypts with STARTTLS
      When the server opens a session
      Then the relay offers AUTH

    Scenario: Authentication after STARTTLS is accepted
      When the server authenticates as "anna@acme.example"
      Then the relay accepts it

    Scenario: Authentication on port 465 is accepted
      Given the server connects to port 465
      When the server authenticates as "anna@acme.example"
      Then the relay accepts it

  @AUTH-CREDS @must
  Rule: SMTP AUTH checks a user's name and password
    They are those of the user's Google Workspace account. Document: line 90.

    Background:
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |

    Scenario: The right password
      When the server authenticates as "anna@acme.example"
      Then the relay accepts it
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: A wrong password
      When the server authenticates as "anna@acme.example" with a wrong password
      Then the relay refuses it

    Scenario: A user that nobody registered
      When the server authenticates as "nobody@acme.example" with a wrong password
      Then the relay refuses it

    Scenario: Another user's password
      When the server authenticates as "anna@acme.example" with the password of "bert@acme.example"
      Then the relay refuses it

    Scenario: After a wrong password there is no relaying
      Given the server encrypts with STARTTLS
      When the server authenticates as "anna@acme.example" with a wrong password
      And "anna@acme.example" relays a message
      Then the relay refuses it

  @AUTH-PLAIN-IPONLY @must
  Rule: Without TLS only the address can authenticate a server
    A setting that asks for SMTP AUTH can't be used by a server without TLS; one that asks for addresses can.
    Document: line 129.

    Scenario: A server without TLS can't use a setting that asks for SMTP AUTH
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |
      When "anna@acme.example" relays a message
      Then the relay refuses it

    Scenario: A server without TLS relays by its address
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @AUTH-TLS
    Scenario: A password in clear text doesn't help
      Given "acme" has the relay setting "Office":
        | SMTP AUTH | required |
      When the server authenticates as "anna@acme.example" in clear text
      And "anna@acme.example" relays a message
      Then the relay refuses it
