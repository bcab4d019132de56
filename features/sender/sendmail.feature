@documented
Feature: Sendmail

  SMART_HOST leads all mail to the relay.

  @SM-TIMEOUT @may @needs.configuration
  Rule: The time-outs are left as they are
    Timeout.datafinal is 1 hour by default. Document: line 370.

    Scenario: No time-out is lowered
      Then the configuration obeys SM-TIMEOUT

  @SM-DATAFINAL-1H @must @needs.configuration
  Rule: Timeout.datafinal is 1 hour or more
    Where it was lowered it is raised to 1 hour. Document: line 370.

    Scenario: It is 1 hour or more
      Then the configuration obeys SM-DATAFINAL-1H

  @SM-SMARTHOST @must @needs.configuration
  Rule: SMART_HOST is smtp-relay.gmail.com
    Document: lines 374-375.

    Scenario: It is smtp-relay.gmail.com
      Then the configuration obeys SM-SMARTHOST
