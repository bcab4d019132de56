@documented
Feature: Qmail

  control/smtproutes leads all mail to the relay, and mail for the company's own domains to its own servers.

  @QM-TO-DEFAULT @may @needs.configuration
  Rule: The time-out is left at 1200 seconds
    Document: line 422.

    Scenario: It isn't lowered
      Then the configuration obeys QM-TO-DEFAULT

  @QM-TO-MIN-900 @must @needs.configuration
  Rule: A time-out that was changed is 900 seconds or more
    Document: line 422.

    Scenario: It is 900 seconds or more
      Then the configuration obeys QM-TO-MIN-900

  @QM-ROUTE @must @needs.configuration
  Rule: The default route is :smtp-relay.gmail.com:25
    Document: lines 426-427.

    Scenario: It is the default route
      Then the configuration obeys QM-ROUTE

  @QM-ROUTE-INTERNAL @must @needs.configuration
  Rule: A domain of the company's with a route of its own doesn't go to the relay
    The specific route wins. Document: lines 428-429.

    Scenario: The routes are written as the document has them
      Then the configuration obeys QM-ROUTE-INTERNAL

    @needs.internal-routes
    Scenario: Mail for an internal domain goes to its server, and all else to the relay
      Given mail for "intern.example" has a server of the company
      When "anna@corp.example" sends a message to "r1@intern.example, r2@example.net"
      Then "r2@example.net" get it once
      And the server of the company gets what is for "r1@intern.example", once
