@documented
Feature: Connections, and the name that a server presents

  A server that sends a lot keeps its connection, and presents a name of its own.

  @DOS-CONN-REUSE @should
  Rule: A server that sends a lot uses its connections again
    Several messages through each: connection caching. Document: line 52.

    @needs.known-reuse
    Scenario: 20 messages that waited for the relay
      Given the relay answers the greeting with "421 4.7.0 Try again later, closing connection." and closes
      And "anna@corp.example" has sent 20 messages
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And a connection carries several messages

    @needs.client-tls @needs.known-reuse-tls
    Scenario: 20 messages that waited for the relay, encrypted
      Given the server encrypts
      And the relay answers the greeting with "421 4.7.0 Try again later, closing connection." and closes
      And "anna@corp.example" has sent 20 messages
      When the relay takes mail again
      And the queue is run
      Then each recipient gets it once
      And a connection carries several messages

    @needs.configuration
    Scenario: The configuration doesn't switch it off
      Then the configuration obeys DOS-CONN-REUSE

  @DOS-SCOPE-HOSTS @should @needs.configuration
  Rule: The relay is written smtp-relay.gmail.com
    The document once writes smtp-relay.google.com, and everywhere else smtp-relay.gmail.com. Document: line 52.

    Scenario: The configuration has the name that is served
      Then the configuration obeys DOS-SCOPE-HOSTS

  @HELO-UNIQUE @should
  Rule: A server presents an identifier of its own
    Its domain, or its own name. Document: lines 54 and 131.

    @HELO-UNIQUE-2 @needs.known-name
    Scenario: It presents its own name or its domain
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each session presents a name in "corp.example"

    @HELO-UNIQUE-2 @needs.known-name @needs.client-tls
    Scenario: It presents it again in TLS
      Given the server encrypts
      When "anna@corp.example" sends a message to "bob@example.net"
      Then each session presents a name in "corp.example"
      And each message is encrypted

    @HELO-UNIQUE-2 @needs.configuration
    Scenario: The configuration says so, or leaves it at that
      Then the configuration obeys HELO-UNIQUE

  @HELO-FORBIDDEN @should
  Rule: A server presents neither "localhost" nor the relay's own name
    Document: lines 54 and 131.

    @needs.known-name
    Scenario: It presents neither
      When "anna@corp.example" sends a message to "bob@example.net"
      Then no session presents "localhost, localhost.localdomain, smtp-relay.gmail.com, [127.0.0.1]"

    @needs.configuration
    Scenario: The configuration has neither
      Then the configuration obeys HELO-FORBIDDEN

  @HELO-UNIQUE-2 @should @needs.configuration
  Rule: A server is set up to present its domain or its own name
    Document: line 131.

    Scenario: The configuration says so, or leaves it at that
      Then the configuration obeys HELO-UNIQUE-2
