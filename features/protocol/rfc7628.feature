@rfc @needs.auth-oauthbearer
Feature: RFC 7628: the OAUTHBEARER mechanism

  A client shows a token that somebody else gave it: n,a=USER, and auth=Bearer TOKEN with octets 0x01 around. RFC 7628 §3.1.

  @RFC7628-3.1/good-token @must
  Rule: A good token is accepted
    As the initial response, or after an empty challenge. RFC 7628 §3.1, §3.2.1.

    Scenario: As the initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER {base64 n,a={user},\x01auth=Bearer {bearer}\x01\x01}"
      Then the relay answers 235
      And the session is in step

    Scenario: After an empty challenge
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER"
      Then the relay answers 334
      When it says "{base64 n,a={user},\x01auth=Bearer {bearer}\x01\x01}"
      Then the relay answers 235
      And the session is in step

  @RFC7628-3.2.2/bad-token @must
  Rule: A token that isn't good is never accepted
    The relay says why in a challenge, the client answers with an octet 0x01, and then the exchange fails. To fail at once
    is the same to the client. RFC 7628 §3.2.2, §3.2.3.

    Scenario Outline: A token that isn't good
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER {base64 n,a={user},\x01auth=Bearer <token>\x01\x01}"
      Then the relay answers 334 or 4yz or 5yz
      When it says "AQ=="
      Then the relay answers 4yz or 5yz
      And the session is in step

      Examples:
        | because         | token          |
        | it is nobody's  | xyzzy          |
        | it has expired  | {expired}      |
        | it is another's | {other bearer} |

    Scenario: The challenge of a refusal is cancelled
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER {base64 n,a={user},\x01auth=Bearer xyzzy\x01\x01}"
      Then the relay answers 334 or 4yz or 5yz
      When it says "*"
      Then the relay answers 4yz or 5yz
      And the session is in step

  @RFC7628-3.2.2/challenge @should
  Rule: A failure is explained before it is told
    By a challenge that holds JSON. RFC 7628 §3.2.2, §3.2.3.

    Scenario: 535 comes after the client has read why
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER {base64 n,a={user},\x01auth=Bearer xyzzy\x01\x01}"
      Then the relay answers 334
      When it says "AQ=="
      Then the relay answers 535
      And the session is in step

  @RFC7628-3.1/malformed @must
  Rule: What isn't of the form proves nothing
    RFC 7628 §3.1.

    Scenario Outline: Credentials in another form
      Given a client that has come to where it may authenticate
      When it says "AUTH OAUTHBEARER {base64 <response>}"
      Then the relay answers 334 or 4yz or 5yz
      When it says "AQ=="
      Then the relay answers 4yz or 5yz
      And the session is in step

      Examples:
        | what             | response                                             |
        | no token         | n,a={user},\\x01\\x01                                |
        | an empty token   | n,a={user},\\x01auth=Bearer \\x01\\x01               |
        | another scheme   | n,a={user},\\x01auth=Basic {bearer}\\x01\\x01        |
        | nothing between  | n,a={user},auth=Bearer {bearer}                      |
