@documented
Feature: Addresses that may relay

  With "only accept mail from the specified IP addresses" a list of addresses and ranges decides, IPv4 and IPv6. Each entry
  can be switched off and on.

  Background:
    Given a customer "acme" with 100 licences:
      | users | anna@acme.example |

  @AUTH-IP @must
  Rule: With a list of addresses mail comes only from these
    Mail from a listed address is taken as the customer's, from any other it isn't accepted. Document: line 89.

    Scenario: A listed address relays
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: An address that isn't listed is refused
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 |
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @needs.source-address
    Scenario: Every entry of the list admits
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.20, 127.0.0.30 |
      And the server connects from 127.0.0.20
      And "anna@acme.example" has relayed a message
      And the server connects from 127.0.0.30
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @needs.source-address
    Scenario: The address next to a listed one is refused
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.20 |
      And the server connects from 127.0.0.20
      And "anna@acme.example" has relayed a message
      And the server connects from 127.0.0.21
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @needs.source-address
    Scenario Outline: The range 127.0.5.8/29 <answers> <source>
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.5.8/29 |
      And the server connects from <source>
      When "anna@acme.example" relays a message
      Then the relay <answers> it

      Examples:
        | source     | answers |
        | 127.0.5.7  | refuses |
        | 127.0.5.8  | accepts |
        | 127.0.5.15 | accepts |
        | 127.0.5.16 | refuses |

    Scenario: Only the list of the sender's own customer counts
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 |
      And a customer "globex" with 100 licences
      And "globex" has the relay setting "Office":
        | addresses | 127.0.0.1 |
      And "app@globex.example" has relayed a message
      When "anna@acme.example" relays a message
      Then the relay refuses it

  @IP-ENABLE @must
  Rule: An entry that is disabled admits nobody
    Each address or range has a box "enabled". Document: line 106.

    @CON-IP-TOGGLE
    Scenario: A disabled entry admits nobody
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 (disabled) |
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @CON-IP-TOGGLE
    Scenario: A disabled entry takes nothing from the others
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 (disabled), 127.0.0.1 |
      When "anna@acme.example" relays a message
      Then the relay accepts it

  @CON-IP-TOGGLE @must
  Rule: A saved entry is switched off and on without being entered anew
    By the box to the left of it. Document: lines 62 and 109.

    @IP-ENABLE
    Scenario: An entry that is switched off admits no more
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 |
      And "anna@acme.example" has relayed a message
      When "acme" changes the relay setting "Office":
        | addresses | 127.0.0.1 (disabled) |
      And "anna@acme.example" relays a message
      Then the relay refuses it

    @IP-ENABLE
    Scenario: An entry that is switched on again admits again
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1 (disabled) |
      And "anna@acme.example" has been refused a message
      When "acme" changes the relay setting "Office":
        | addresses | 127.0.0.1 |
      And "anna@acme.example" relays a message
      Then the relay accepts it

  @IP-V6 @must
  Rule: Addresses may be IPv6
    Document: line 98.

    @needs.source-ipv6
    Scenario: A listed IPv6 address relays
      Given "acme" has the relay setting "Office":
        | addresses | ::1 |
      And the server connects from ::1
      When "anna@acme.example" relays a message
      Then the relay accepts it

    @needs.source-ipv6
    Scenario: An IPv6 address that isn't listed is refused
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.1, 2001:db8::1 |
      And "anna@acme.example" has relayed a message
      And the server connects from ::1
      When "anna@acme.example" relays a message
      Then the relay refuses it

    @needs.source-ipv6
    Scenario: A range of IPv6 addresses admits
      Given "acme" has the relay setting "Office":
        | addresses | ::/120 |
      And the server connects from ::1
      When "anna@acme.example" relays a message
      Then the relay accepts it

  @IP-V6-SPELLINGS @must
  Rule: An IPv6 address is the same in each of its spellings
    In full, without leading zeros, or shortened: the document shows one address in three spellings. Document: lines 100 to 104.

    @needs.source-ipv6
    Scenario Outline: The spelling <spelling> admits
      Given "acme" has the relay setting "Office":
        | addresses | <spelling> |
      And the server connects from ::1
      When "anna@acme.example" relays a message
      Then the relay accepts it

      Examples:
        | spelling                                |
        | 0000:0000:0000:0000:0000:0000:0000:0001 |
        | 0:0:0:0:0:0:0:1                         |
        | ::1                                     |

  @CON-ADD-MODES @must
  Rule: A customer may have several settings, and each admits
    Settings are configured, edited, and more are added. Document: line 76.

    Scenario: The second setting admits what the first doesn't
      Given "acme" has the relay setting "Office":
        | addresses | 127.0.0.77 |
      And "acme" has the relay setting "Plant":
        | addresses | 127.0.0.1 |
      When "anna@acme.example" relays a message
      Then the relay accepts it

    Scenario: The first setting admits what the second doesn't
      Given "acme" has the relay setting "Users":
        | allowed senders | my domains |
      And "acme" has the relay setting "Strict":
        | allowed senders | registered users |
        | SMTP AUTH       | required         |
      When "app@acme.example" relays a message
      Then the relay accepts it

    Scenario: What no setting admits as a whole is refused
      Given "acme" has the relay setting "Here users only":
        | allowed senders | registered users |
        | addresses       | 127.0.0.1        |
      And "acme" has the relay setting "Everybody over there":
        | allowed senders | my domains |
        | addresses       | 127.0.0.77 |
      And "anna@acme.example" has relayed a message
      When "app@acme.example" relays a message
      Then the relay refuses it

    Scenario: A disabled setting admits nobody
      Given "acme" has the relay setting "Office":
        | enabled | no |
      When "anna@acme.example" relays a message
      Then the relay refuses it

    Scenario: An edited setting holds as it was edited
      Given "acme" has the relay setting "Office":
        | allowed senders | registered users |
      And "app@acme.example" has been refused a message
      When "acme" changes the relay setting "Office":
        | allowed senders | my domains |
      And "app@acme.example" relays a message
      Then the relay accepts it
