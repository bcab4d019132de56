@documented
Feature: Microsoft Exchange 2000 and 2003

  The SMTP virtual server's retry intervals are short, and an SMTP connector leads all mail to the relay.

  @EX2003-RETRY @must @needs.configuration
  Rule: Retries come after 1, 1, 3 and 5 minutes
    The first, the second, the third, and each that follows. Document: lines 253-257.

    Scenario: The intervals are 1, 1, 3 and 5 minutes
      Then the configuration obeys EX2003-RETRY

    @needs.clock @needs.known-retry @ERR-CUST-PEAK
    Scenario: A message that is put off is tried at 0, 1, 2, 5, 10 and 15 minutes
      Given the relay answers RCPT with "450 4.2.1 Peak SMTP relay limit exceeded for customer."
      When "anna@corp.example" sends a message to "bob@example.net"
      And 17 minutes pass
      Then it was tried after 0, 1, 2, 5, 10, 15 minutes

  @EX2003-SMARTHOST @must @needs.configuration
  Rule: The SMTP connector forwards all mail through smtp-relay.gmail.com
    Document: lines 259-261.

    Scenario: The smart host is smtp-relay.gmail.com
      Then the configuration obeys EX2003-SMARTHOST

  @EX2003-IDENT @must @needs.configuration
  Rule: Under either condition the server authenticates, or presents a domain of the customer's
    As for every server. Document: line 271.

    Scenario: The name is in the customer's domain, or there is AUTH
      Given the relay's setting admits any address
      Then the configuration obeys EX2003-IDENT
