@documented
Feature: Microsoft Exchange 2007 and 2010, Hub Transport

  A send connector on the Hub Transport server leads all mail to the relay.

  @EXHUB-TIMEOUT @may @needs.configuration
  Rule: The time-outs are left as they are
    Document: line 149.

    Scenario: No time-out is lowered
      Then the configuration obeys EXHUB-TIMEOUT

  @EXHUB-SPACE @must @needs.configuration
  Rule: The connector is for the address space "*"
    So that all mail goes through it. Document: lines 161-165.

    Scenario: The address spaces have "*"
      Then the configuration obeys EXHUB-SPACE

  @EXHUB-SUBDOM @must @needs.configuration
  Rule: The address space includes all subdomains
    Document: line 169.

    Scenario: Subdomains are included
      Then the configuration obeys EXHUB-SUBDOM

  @EXHUB-SMARTHOST @must @needs.configuration
  Rule: The connector routes through the smart host smtp-relay.gmail.com
    By its name, not by the MX records of recipients. Document: lines 171-176.

    Scenario: The smart host is smtp-relay.gmail.com
      Then the configuration obeys EXHUB-SMARTHOST

  @EXHUB-AUTH-NONE @info @needs.configuration
  Rule: The smart host's authentication is "None"
    So that the relay knows the server by its address alone. Document: line 178.

    Scenario: It has no authentication
      Then the configuration obeys EXHUB-AUTH-NONE

  @EXHUB-SOURCE @must @needs.configuration
  Rule: The connector's source servers are all hub servers that are bridgeheads
    Document: line 181.

    Scenario: A source server is named
      Then the configuration obeys EXHUB-SOURCE
