@documented
Feature: Microsoft Exchange 2007 and 2010, with an Edge Transport server

  The edge subscription's connector leads all mail to the relay, and the edge server takes mail from the hub servers.

  @EXEDGE-TIMEOUT @may @needs.configuration
  Rule: The time-outs are left as they are
    Document: line 206.

    Scenario: No time-out is lowered
      Then the configuration obeys EXEDGE-TIMEOUT

  @EXEDGE-CONNECTOR @must @needs.configuration
  Rule: The connector is "EdgeSync - SITE to Internet"
    Document: line 212.

    Scenario: There is such a connector, and it is in use
      Then the configuration obeys EXEDGE-CONNECTOR

  @EXEDGE-SPACE @must @needs.configuration
  Rule: The connector is for the address space "*"
    Document: line 215.

    Scenario: The address spaces have "*"
      Then the configuration obeys EXEDGE-SPACE

  @EXEDGE-NO-DOMSEC @must @needs.configuration
  Rule: Domain security, mutual TLS, is off
    Document: line 218.

    Scenario: It is off
      Then the configuration obeys EXEDGE-NO-DOMSEC

  @EXEDGE-SMARTHOST @must @needs.configuration
  Rule: The connector routes through the smart host smtp-relay.gmail.com
    Document: lines 218-222.

    Scenario: The smart host is smtp-relay.gmail.com
      Then the configuration obeys EXEDGE-SMARTHOST

  @EXEDGE-SUBSCRIPTION @must @needs.configuration
  Rule: The connector's source is the edge subscription
    Document: line 224.

    Scenario: The subscription is among the source servers
      Then the configuration obeys EXEDGE-SUBSCRIPTION

  @EXEDGE-VERIFY @must @needs.configuration
  Rule: The edge server's connector is the one of the hub
    Document: line 228.

    Scenario: Both say the same
      Then the configuration obeys EXEDGE-VERIFY

  @EXEDGE-RCV-IP @must @needs.configuration
  Rule: The edge server's receive connector takes mail from the addresses of all hub servers
    Document: line 230.

    Scenario: Their addresses are in its ranges
      Then the configuration obeys EXEDGE-RCV-IP

  @EXEDGE-RCV-AUTH @must @needs.configuration
  Rule: The receive connector authenticates by Exchange Server authentication
    Document: line 231.

    Scenario: It does
      Then the configuration obeys EXEDGE-RCV-AUTH

  @EXEDGE-RCV-PERM @must @needs.configuration
  Rule: The receive connector's permission groups have Exchange servers
    Document: line 232.

    Scenario: They have
      Then the configuration obeys EXEDGE-RCV-PERM
