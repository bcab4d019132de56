@documented
Feature: Where mail is sent, and how it is encrypted

  All mail goes to smtp-relay.gmail.com: on port 587 where the relay requires TLS, else on 25, 465 or 587.

  @HOST-RELAY @must
  Rule: All mail goes to smtp-relay.gmail.com
    Document: line 122.

    Scenario: Mail for domains of all kinds reaches the relay
      When "anna@corp.example" sends a message to "r1@example.net, r2@example.org, r3@sub.example.com"
      Then each recipient gets it once

    @needs.configuration
    Scenario: The configuration names it
      Then the configuration obeys HOST-RELAY

  @PORT-587-TLS @must @needs.client-tls
  Rule: Where TLS is required a server connects to port 587 and encrypts
    Document: line 126.

    Scenario: Mail goes out on port 587, encrypted
      Given the server encrypts
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And each message is encrypted
      And each connection is to port 587

    Scenario: Where the relay doesn't offer TLS nothing is said in clear text
      Given the server encrypts
      And the relay doesn't offer TLS
      When "anna@corp.example" sends a message to "bob@example.net"
      Then no message is begun
      And it is queued for "bob@example.net"

    @needs.configuration
    Scenario: The configuration has both
      Given the server encrypts
      Then the configuration obeys PORT-587-TLS

  @PORT-PLAIN @must
  Rule: Where TLS isn't required a server connects to port 25, 465 or 587
    Document: line 127.

    Scenario: Mail goes out on one of them
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And each connection is to port 25, 465 or 587

    @needs.configuration
    Scenario: The configuration has one of them
      Then the configuration obeys PORT-PLAIN

  @AUTH-TLS @must @needs.client-auth
  Rule: A server authenticates in TLS only
    Document: lines 90 and 129.

    Scenario: It encrypts, and authenticates then
      Given the server authenticates as "relay@corp.example"
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And each message is authenticated
      And nobody authenticates in clear text

    @AUTH-PLAIN-IPONLY
    Scenario: A relay offers AUTH without TLS, and doesn't get the password
      Given the server authenticates as "relay@corp.example"
      And the relay doesn't offer TLS
      And the relay offers AUTH in clear text
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody authenticates in clear text

    Scenario: A password that is refused loses no message
      Given the server authenticates as "relay@corp.example"
      And the relay answers AUTH with "535 5.7.8 Username and Password not accepted."
      And the relay answers MAIL of "anna@corp.example" with "530 5.7.0 Authentication Required."
      When "anna@corp.example" sends a message to "bob@example.net"
      Then nobody gets it
      And it is queued, or returned to "anna@corp.example"

  @AUTH-PLAIN-IPONLY @must
  Rule: Without TLS a server is known by its address alone
    Document: line 129.

    Scenario: It doesn't authenticate where it doesn't encrypt
      Given the relay doesn't offer TLS
      And the relay offers AUTH in clear text
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each recipient gets it once
      And nobody authenticates
