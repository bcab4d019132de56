@documented
Feature: Novell GroupWise

  The Internet Agent waits long enough, and its relay host leads all outbound mail to the relay.

  @GW-TO-COMMANDS @must @needs.configuration
  Rule: The Internet Agent waits 5 minutes for the reply to a command
    Document: line 331.

    Scenario: It waits 5 minutes or longer
      Then the configuration obeys GW-TO-COMMANDS

  @GW-TO-DATA @must @needs.configuration
  Rule: It waits 3 minutes within the data
    Document: line 332.

    Scenario: It waits 3 minutes or longer
      Then the configuration obeys GW-TO-DATA

  @GW-TO-CONNECT @must @needs.configuration
  Rule: It waits 2 minutes for a connection
    Document: line 333.

    Scenario: It waits 2 minutes or longer
      Then the configuration obeys GW-TO-CONNECT

  @GW-TO-GREETING @must @needs.configuration
  Rule: It waits 5 minutes for the greeting
    Document: line 334.

    Scenario: It waits 5 minutes or longer
      Then the configuration obeys GW-TO-GREETING

  @GW-TO-TCPREAD @must @needs.configuration
  Rule: It waits 5 minutes for what it reads
    Document: line 335.

    Scenario: It waits 5 minutes or longer
      Then the configuration obeys GW-TO-TCPREAD

  @GW-TO-TERMINATION @must @needs.configuration
  Rule: It waits 15 minutes for the end of a connection
    The Internet Agent's default is 10. Document: line 336.

    Scenario: It waits 15 minutes or longer
      Then the configuration obeys GW-TO-TERMINATION

  @GW-THREADS @should @needs.configuration
  Rule: It has as many send threads as the server can bear
    Document: line 348.

    Scenario: Their number is not less than the default
      Then the configuration obeys GW-THREADS

  @GW-RELAYHOST @must @needs.configuration
  Rule: The "relay host for outbound messages" is smtp-relay.gmail.com
    Document: line 350.

    Scenario: It is smtp-relay.gmail.com
      Then the configuration obeys GW-RELAYHOST
