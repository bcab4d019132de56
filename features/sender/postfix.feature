@documented
Feature: Postfix

  relayhost leads all mail to the relay.

  @PF-TIMEOUT @may @needs.configuration
  Rule: The time-outs are left as they are
    Document: line 444.

    Scenario: No time-out is lowered
      Then the configuration obeys PF-TIMEOUT

  @PF-RELAYHOST @must @needs.configuration
  Rule: relayhost is smtp-relay.gmail.com:25
    Document: lines 448-449.

    Scenario: It is smtp-relay.gmail.com, on a port of the relay's
      Then the configuration obeys PF-RELAYHOST

  @PF-EXTRA @must @needs.configuration
  Rule: Under either condition Postfix authenticates, or presents a domain of the customer's
    As every server. Document: lines 454-459.

    Scenario: The name is in the customer's domain, or there is AUTH
      Given the relay's setting admits any address
      Then the configuration obeys PF-EXTRA
