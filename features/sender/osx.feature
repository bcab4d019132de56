@documented
Feature: Apple Mac OS X Server

  The mail service relays all mail through the relay.

  @OSX-RELAY @must @needs.configuration
  Rule: "Relay all mail through this host" is smtp-relay.gmail.com
    Document: line 401.

    Scenario: It is smtp-relay.gmail.com
      Then the configuration obeys OSX-RELAY
