@documented
Feature: HCL Domino R5 and R6

  The configuration document leads all mail that leaves the local domain to the relay.

  @DOMINO-TIMEOUT @may @needs.configuration
  Rule: The time-outs are left as they are
    Document: line 281.

    Scenario: No time-out is lowered
      Then the configuration obeys DOMINO-TIMEOUT

  @DOMINO-RELAYHOST @must @needs.configuration
  Rule: The "relay host for messages leaving the local internet domain" is smtp-relay.gmail.com
    Document: line 297.

    Scenario: It is smtp-relay.gmail.com
      Then the configuration obeys DOMINO-RELAYHOST

  @DOMINO-RETRY @must @needs.configuration
  Rule: The "initial transfer retry interval" is 1 minute or more
    Document: lines 299-303.

    Scenario: It is 1 minute or more
      Then the configuration obeys DOMINO-RETRY

    @needs.clock @needs.known-first-retry @ERR-CUST-PEAK
    Scenario: A message that is put off isn't tried again within the first minute
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      And 59 seconds pass
      Then it was tried 1 time
