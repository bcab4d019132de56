@documented
Feature: What the service is for, and who may use it

  Mail of a server that isn't Gmail leaves through the relay.

  In all features of this folder a customer owns the domain of its own name (acme.example) unless a table lists others, and
  a customer without a relay setting of its own has this one: allowed senders are the addresses of its domains, mail comes
  from 127.0.0.1 or ::1, neither SMTP AUTH nor TLS is required. The sending server connects to port 587 in clear text and
  presents a name in EHLO that is nobody's, unless a step says otherwise. Every name is made new for each scenario.

  Background:
    Given a customer "acme" with 10 licences:
      | users | anna@acme.example |

  @SVC-PURPOSE @must
  Rule: Mail of a server that isn't Gmail leaves through the relay
    A company's own server hands its outgoing mail to the relay, and the relay brings it on its way. Document: lines 1 and 5.

    @needs.deliveries
    Scenario: A relayed message reaches its recipient
      When "anna@acme.example" relays a message to "bob@other.example"
      Then the relay accepts it
      And "bob@other.example" receives it from "anna@acme.example"

    @needs.deliveries
    Scenario: A relayed message reaches each of its recipients
      When "anna@acme.example" relays a message to "bob@other.example, carol@elsewhere.example"
      Then the relay accepts it
      And "bob@other.example" receives it
      And "carol@elsewhere.example" receives it

  @ELIG-LEGACY @must
  Rule: The legacy free edition has no SMTP relay until it is upgraded
    A customer who still has the free edition of G Suite must upgrade to Google Workspace to get the relay. The document
    gives no words for the refusal. Document: line 3.

    Scenario: The legacy free edition can't relay
      Given a customer "oldco" with 10 licences:
        | users   | olga@oldco.example |
        | edition | legacy free        |
      And "anna@acme.example" has relayed a message
      When "olga@oldco.example" relays a message to "bob@other.example"
      Then the relay refuses it

    Scenario: An upgraded customer relays
      Given a customer "oldco" with 10 licences:
        | users   | olga@oldco.example |
        | edition | legacy free        |
      And "olga@oldco.example" has been refused a message
      When "oldco" becomes a customer with:
        | edition | Google Workspace |
      And "olga@oldco.example" relays a message to "bob@other.example"
      Then the relay accepts it
