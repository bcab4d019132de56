@rfc @needs.auth-plain
Feature: RFC 4616: the PLAIN mechanism

  PLAIN is one message: whom to act as, NUL, who one is, NUL, the password. The first may be empty, the others may not.
  RFC 4616 §2.

  @RFC4616-2/message @must
  Rule: PLAIN takes a name and a password that are right
    As the initial response of AUTH, or after an empty challenge. RFC 4616 §2; RFC 4954 §4.

    Scenario: As the initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 235
      And the session is in step

    Scenario: After an empty challenge
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "{base64 \0{user}\0{password}}"
      Then the relay answers 235
      And the session is in step

  @RFC4616-2/own-identity @should
  Rule: Everybody may act as oneself
    To say one's own name twice asks for nothing more than to say it once. RFC 4616 §2.

    Scenario: The identity to act as is the user's own
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 {user}\0{user}\0{password}}"
      Then the relay answers 235

  @RFC4616-2/other-identity @should
  Rule: Nobody acts as somebody else without being allowed to
    Who the right password belongs to isn't enough. RFC 4616 §2.

    Scenario: The identity to act as is another user's
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 {other}\0{user}\0{password}}"
      Then the relay answers 5yz
      And the session is in step

  @RFC4616-2/empty @must
  Rule: An empty name or password fails
    RFC 4616 §2.

    Scenario Outline: What is empty
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 <response>}"
      Then the relay answers 4yz or 5yz

      Examples:
        | what         | response               |
        | the password | \\0{user}\\0           |
        | the name     | \\0\\0{password}       |
        | both         | \\0\\0                 |
        | the user     | {user}\\0\\0{password} |

  @RFC4616-2/malformed @must
  Rule: What isn't two NULs with their neighbours fails
    A message that can't be taken apart proves nothing. RFC 4616 §2.

    Scenario Outline: Credentials in another form
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 <response>}"
      Then the relay answers 4yz or 5yz
      And the session is in step

      Examples:
        | what         | response                        |
        | no NUL       | {user} {password}               |
        | one NUL      | {user}\\0{password}             |
        | NULs only    | \\0\\0\\0\\0                    |

  @RFC4616-2/one-more @should
  Rule: A password has no NUL
    What stands behind a third NUL belongs to no field. RFC 4616 §2.

    Scenario: A NUL and a letter stand behind the password
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 \0{user}\0{password}\0x}"
      Then the relay answers 4yz or 5yz
      And the session is in step
