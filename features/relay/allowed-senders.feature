@documented
Feature: Allowed senders

  A relay setting has one of three options for who may send: registered users only, addresses of the customer's domains, or
  any address. A sender from outside, or none at all (MAIL FROM:<>), needs SMTP AUTH or one of the customer's domains in
  HELO or EHLO, so that the relay knows whose mail it is.

  Background:
    Given a customer "acme" with 100 licences:
      | domains | acme.example, acme-labs.example         |
      | users   | anna@acme.example, lars@acme-labs.example |

  @SND-OPTIONS @must
  Rule: A setting admits registered users, addresses of the customer's domains, or any address
    One of three options is chosen. Document: line 78.

    Scenario Outline: A setting for <option> lets <sender> relay
      Given "acme" has the relay setting "Office":
        | allowed senders | <option> |
      And the server presents "acme.example" in EHLO
      When "<sender>" relays a message
      Then the relay accepts it

      Examples:
        | option           | sender                 |
        | registered users | anna@acme.example      |
        | my domains       | anna@acme.example      |
        | my domains       | app@acme.example       |
        | any              | anna@acme.example      |
        | any              | app@acme.example       |
        | any              | stranger@yahoo.example |

    Scenario Outline: A setting for <option> doesn't let <sender> relay
      Given "acme" has the relay setting "Office":
        | allowed senders | <option> |
      And the server presents "acme.example" in EHLO
      And "anna@acme.example" has relayed a message
      When "<sender>" relays a message
      Then the relay refuses it

      Examples:
        | option           | sender                 |
        | registered users | app@acme.example       |
        | registered users | stranger@yahoo.example |
        | my domains       | stranger@yahoo.example |

  @SND-REGISTERED @must
  Rule: With "registered users" the sender must be a registered user of one of the customer's domains
    Document: line 79.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | registered users |

    Scenario: A registered user of a secondary domain relays
      When "lars@acme-labs.example" relays a message
      Then the relay accepts it

    Scenario: An address that nobody has is refused
      Given "anna@acme.example" has relayed a message
      When "nobody@acme.example" relays a message
      Then the relay refuses it

    @needs.deliveries
    Scenario: An unknown sender never makes mail
      Given "anna@acme.example" has relayed a message
      When "nobody@acme.example" relays a message
      Then the relay refuses it
      And nobody receives it

    Scenario: A user's name in another of the customer's domains is refused
      Given "anna@acme.example" has relayed a message
      When "anna@acme-labs.example" relays a message
      Then the relay refuses it

  @SND-DOMAINS @must
  Rule: With "my domains" the sender needn't be a user but must be in one of the customer's domains
    So that applications can send. Document: line 80.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | my domains |

    Scenario: An address of a secondary domain relays without being a user
      When "ticket-4711@acme-labs.example" relays a message
      Then the relay accepts it

    Scenario: An address outside the customer's domains is refused
      Given "app@acme.example" has relayed a message
      When "stranger@yahoo.example" relays a message
      Then the relay refuses it

    Scenario: An address outside the customer's domains is refused behind the customer's name, too
      Given the server presents "acme.example" in EHLO
      And "app@acme.example" has relayed a message
      When "stranger@yahoo.example" relays a message
      Then the relay refuses it

    Scenario: A domain that only ends alike is refused
      Given "app@acme.example" has relayed a message
      When "app@notacme.example" relays a message
      Then the relay refuses it

  @SND-ANY @must
  Rule: With "any" the sender's domain may be anybody's
    It isn't recommended, but it is an option. Document: line 81.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |

    Scenario: A sender of a domain of somebody else relays
      Given the server presents "acme.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it

    Scenario: A sender of the customer's own domain needs nothing more
      When "app@acme.example" relays a message
      Then the relay accepts it

  @SND-ANY-IDENT @must
  Rule: With "any" the server proves whose it is by SMTP AUTH, or names one of the customer's domains in HELO or EHLO
    Else the relay can't know which customer it is. Document: line 84.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |
      And "app@acme.example" has relayed a message

    @SND-FOREIGN-IDENT @EXTRA-IDENT
    Scenario Outline: The customer's domain in <verb> is enough for an outside sender
      Given the server presents "acme.example" in <verb>
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it

      Examples:
        | verb |
        | HELO |
        | EHLO |

    @SND-FOREIGN-IDENT @EXTRA-IDENT
    Scenario: SMTP AUTH is enough for an outside sender
      Given the server authenticates as "anna@acme.example"
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it

    @SND-FOREIGN-IDENT @EXTRA-IDENT
    Scenario: A secondary domain in EHLO is enough for an outside sender
      Given the server presents "acme-labs.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it

    @needs.helo-suffix
    Scenario: The name of a server in the customer's domain is enough for an outside sender
      Given the server presents "mail.acme.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay accepts it

  @SND-FOREIGN-IDENT @must
  Rule: A sender from a domain that isn't the customer's needs SMTP AUTH, or the customer's domain in HELO or EHLO
    Such as a sender at a public mail provider. Document: line 84.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |
      And "app@acme.example" has relayed a message

    @SND-ANY-IDENT @EXTRA-IDENT
    Scenario: An outside sender behind a name that is nobody's is refused
      Given the server presents "mta.elsewhere.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay refuses it

    Scenario: An outside sender behind its own domain's name is refused
      Given the server presents "yahoo.example" in EHLO
      When "stranger@yahoo.example" relays a message
      Then the relay refuses it

  @SND-EMPTY-IDENT @must
  Rule: A null sender needs SMTP AUTH, or the customer's domain in HELO or EHLO
    Reports of non-delivery and vacation notes have no sender: MAIL FROM:<>. Document: line 84.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |
      And "app@acme.example" has relayed a message

    @SND-ANY-IDENT @EXTRA-IDENT
    Scenario: A null sender behind a name that is nobody's is refused
      When "<>" relays a message
      Then the relay refuses it

    @SND-ANY-IDENT @EXTRA-IDENT
    Scenario Outline: The customer's domain in <verb> is enough for a null sender
      Given the server presents "acme.example" in <verb>
      When "<>" relays a message
      Then the relay accepts it

      Examples:
        | verb |
        | HELO |
        | EHLO |

    @SND-ANY-IDENT @EXTRA-IDENT
    Scenario: SMTP AUTH is enough for a null sender
      Given the server authenticates as "anna@acme.example"
      When "<>" relays a message
      Then the relay accepts it

  @EXTRA-IDENT @must
  Rule: A server that sends for other domains, or without a sender, has to be identified
    By SMTP AUTH as a registered user, or by one of the customer's domains in HELO or EHLO. It holds for mail without a
    sender whatever senders are allowed. Document: lines 136 to 141.

    Scenario: A null sender that nobody identifies is refused with "my domains" too
      Given "app@acme.example" has relayed a message
      When "<>" relays a message
      Then the relay refuses it

    @assumed
    Scenario: A null sender that EHLO identifies is accepted with "my domains" too
      Given the server presents "acme.example" in EHLO
      When "<>" relays a message
      Then the relay accepts it

  @SND-POSTMASTER-REWRITE @must
  Rule: A sender outside the customer's domains is changed to postmaster@ the customer's domain
    What reaches the outside is postmaster@your-domain in place of user@a-domain-that-isn't-yours. Document: line 86.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |
      And the server presents "acme.example" in EHLO

    @needs.deliveries
    Scenario: An outside sender is changed to postmaster
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "postmaster@acme.example"

    @needs.deliveries
    Scenario Outline: The sender <sender> of the customer's domains stays
      When "<sender>" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "<sender>"

      Examples:
        | sender                 |
        | anna@acme.example      |
        | app@acme.example       |
        | lars@acme-labs.example |

    @needs.deliveries @assumed
    Scenario: The field From stays
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And its From field is still "stranger@yahoo.example"

    @needs.deliveries @assumed
    Scenario: A null sender stays null
      When "<>" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "<>"

  @SND-REWRITE-DOMAIN @must
  Rule: The postmaster's domain is the one that SMTP AUTH, HELO or EHLO named
    Document: line 86.

    Background:
      Given "acme" has the relay setting "Office":
        | allowed senders | any |

    @needs.deliveries
    Scenario: The domain that EHLO named
      Given the server presents "acme-labs.example" in EHLO
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "postmaster@acme-labs.example"

    @needs.deliveries
    Scenario: The domain of the user who authenticated
      Given the server authenticates as "lars@acme-labs.example"
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "postmaster@acme-labs.example"

    @needs.deliveries @needs.helo-suffix
    Scenario: The registered domain of the server that EHLO named
      Given the server presents "mail.acme-labs.example" in EHLO
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "postmaster@acme-labs.example"

    @needs.deliveries
    Scenario: With SMTP AUTH and EHLO it is the domain of either
      Given the server presents "acme.example" in EHLO
      And the server authenticates as "lars@acme-labs.example"
      When "stranger@yahoo.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "postmaster@acme-labs.example" or "postmaster@acme.example"
