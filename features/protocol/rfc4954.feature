@rfc @needs.auth
Feature: RFC 4954: authentication

  A relay that announces AUTH lets a client say who it is, by one of the mechanisms that it lists. Where it announces
  STARTTLS, too, the client is in TLS here before it authenticates, for most relays ask for that.

  @RFC4954-3/mechanisms @must
  Rule: AUTH is announced with the mechanisms that are offered
    At least one. RFC 4954 §3.

    Scenario: The keyword has a parameter
      Given a client that has come to where it may authenticate
      Then the reply to EHLO gives "AUTH" at least one parameter

  @RFC4954-4/in-transaction @must
  Rule: AUTH in a transaction is refused with 503
    RFC 4954 §4.

    @needs.auth-plain
    Scenario: AUTH after MAIL
      Given a client that has come to where it may authenticate
      And it has begun a transaction with no recipients
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 503

    @needs.auth-plain
    Scenario: AUTH after RCPT, and the transaction goes on
      Given a client that has come to where it may authenticate
      And it has begun a transaction
      When it says "AUTH PLAIN"
      Then the relay answers 503
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

  @RFC4954-4/once @must
  Rule: After a successful AUTH there is no other in the session
    Each further one gets 503, whatever the client did meanwhile. RFC 4954 §4.

    @needs.auth-plain
    Scenario Outline: A second AUTH
      Given a client that has authenticated
      When it says "<meanwhile>"
      Then the relay answers 250
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 503
      And the session is in step

      Examples:
        | when        | meanwhile     |
        | at once     | NOOP          |
        | after RSET  | RSET          |
        | after EHLO  | EHLO {client} |

    @needs.auth-plain
    Scenario: A second AUTH after a message
      Given a client that has authenticated
      And it has begun a transaction
      And it has begun its message
      When it sends its message
      Then the relay answers 2yz or 4yz or 5yz
      When it says "AUTH PLAIN"
      Then the relay answers 503
      And the session is in step

  @RFC4954-4/cancel @must
  Rule: An exchange that the client cancels ends with 501
    A line of a single asterisk cancels it. RFC 4954 §4.

    @needs.auth-plain
    Scenario: In the place of the response of PLAIN
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "*"
      Then the relay answers 501
      And the session is in step

    @needs.auth-login
    Scenario: In the place of the password of LOGIN
      Given a client that has come to where it may authenticate
      When it says "AUTH LOGIN"
      Then the relay answers 334
      When it says "{base64 {user}}"
      Then the relay answers 334
      When it says "*"
      Then the relay answers 501
      And the session is in step

    @needs.auth-plain
    Scenario: A cancelled exchange can be begun again
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "*"
      Then the relay answers 501
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 235

  @RFC4954-4/undecodable @must
  Rule: A response that is no base64 is refused with 501
    Whether it is an initial response or one to a challenge. RFC 4954 §4; RFC 4648 §3.2, §3.3.

    @needs.auth-plain
    Scenario Outline: In the place of the response
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "<response>"
      Then the relay answers 501
      And the session is in step

      Examples:
        | what                 | response        |
        | other characters     | !?#             |
        | characters among it  | AGFub!gBzZWNy   |
        | five letters         | AGFub           |
        | padding in front     | =AGFubgBzZWNy   |

    @needs.auth-plain
    Scenario: In the place of the initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN !?#"
      Then the relay answers 501
      And the session is in step

  @RFC4954-4/unknown-mechanism @should
  Rule: A mechanism that isn't offered is refused with 504
    RFC 4954 §4.

    Scenario Outline: A mechanism that nobody offers
      Given a client that has come to where it may authenticate
      When it says "AUTH <mechanism>"
      Then the relay answers 504
      And the session is in step

      Examples:
        | mechanism      |
        | XYZZY-9        |
        | XYZZY-10 AAAA  |

  @RFC4954-4/no-mechanism @should
  Rule: AUTH without a mechanism is refused
    RFC 4954 §4, RFC 5321 §4.2.4.

    Scenario: The verb alone
      Given a client that has come to where it may authenticate
      When it says "AUTH"
      Then the relay answers 5yz
      And the session is in step

  @RFC4954-4/not-accepted @must
  Rule: Credentials that are wrong are never accepted
    The reply is 535 where nothing more can be said, 4yz where the relay can't tell at present. RFC 4954 §4, §6.

    @needs.auth-plain
    Scenario Outline: PLAIN with
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 <response>}"
      Then the relay answers 4yz or 5yz

      Examples:
        | what                | response                                  |
        | a wrong password    | \\0{user}\\0not {password}                |
        | another word        | \\0{user}\\0x                             |
        | another user's name | \\0{other}\\0{password}                   |
        | nobody's name       | \\0nobody.{user}\\0{password}             |

    @needs.auth-plain
    Scenario: The client isn't taken to be authenticated afterwards
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 \0{user}\0wrong}"
      Then the relay answers 4yz or 5yz
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 235 or 4yz or 535
      And the session is in step or over

  @RFC4954-6/535 @should
  Rule: 535 says that credentials are wrong
    RFC 4954 §4, §6.

    @needs.auth-plain
    Scenario: A wrong password, and the session goes on
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 \0{user}\0wrong}"
      Then the relay answers 535
      And the session is in step

  @RFC4954-4/empty-response @should
  Rule: A response may be empty
    An equal sign stands for an empty initial response, an empty line for one to a challenge. Neither is PLAIN's, which
    has two NULs at least: it fails, and isn't asked for again. RFC 4954 §4.

    @needs.auth-plain
    Scenario: An equal sign as the initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN ="
      Then the relay answers 5yz
      And the session is in step

    @needs.auth-plain
    Scenario: An empty line after the challenge
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says ""
      Then the relay answers 5yz
      And the session is in step

  @RFC4954-4/long-line @should
  Rule: A line of the exchange may have 12,288 octets
    A line that is longer than a relay can hold is answered, be it with the session's end. RFC 4954 §4.

    @needs.auth-plain
    Scenario: A response of 12,268 octets is read as a response
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "{base64 \0{user}\0{x*9000}}"
      Then the relay answers 535
      And the session is in step

    @needs.auth-plain
    Scenario: A response of 20,000 octets is refused
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN"
      Then the relay answers 334
      When it says "{AAAA*5000}"
      Then the relay answers 421 or 5yz
      And the session is in step or over

  @RFC4954-4/before-ehlo @should
  Rule: AUTH before EHLO is out of sequence
    RFC 4954 §3 (it is an extension, which EHLO opens), RFC 5321 §4.1.4.

    @needs.auth-plain
    Scenario: AUTH as the first command
      Given a client that has connected
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 5yz
      And the session is in step

  @RFC4954-4/clear-text @should
  Rule: Passwords aren't asked for in the clear
    A site shouldn't take plain text passwords unless TLS protects them. RFC 4954 §4, §9.

    @needs.auth-plain @needs.starttls
    Scenario: PLAIN without TLS is refused
      Given a client that has said EHLO in the clear
      When it says "AUTH PLAIN"
      Then the relay answers 4yz or 5yz
      And the session is in step

  @RFC4954-5/parameter @must
  Rule: MAIL takes AUTH, authenticated or not
    It names who submitted the message, as xtext, or <> for nobody; a relay needn't believe it. RFC 4954 §5.

    Scenario Outline: MAIL without authentication
      Given a client that has come to where it may authenticate
      When it says "MAIL FROM:<{sender}> AUTH=<submitter>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | naming          | submitter                       |
        | nobody          | <>                              |
        | the sender      | {sender}                        |
        | a coded address | e+3Dmc2@{domain of sender}      |

  @RFC4954-5/malformed @should
  Rule: What is no submitter is refused
    RFC 4954 §5, RFC 3461 §4 (xtext); RFC 5321 §4.1.1.11.

    Scenario Outline: MAIL is refused with
      Given a client that has come to where it may authenticate
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | what           | parameters          |
        | no value       | AUTH=               |
        | a broken code  | AUTH=+zz            |
        | half a code    | AUTH=a@b.example+4  |
        | two submitters | AUTH=<> AUTH=<>     |

  @RFC4954-4/login @should @observed
  Rule: LOGIN asks for a name, then for a password
    No RFC has it. Relays that list it take both in base64, and the name as an initial response, too.
    draft-murchison-sasl-login.

    @needs.auth-login
    Scenario: Name and password are asked for
      Given a client that has come to where it may authenticate
      When it says "AUTH LOGIN"
      Then the relay answers 334
      When it says "{base64 {user}}"
      Then the relay answers 334
      When it says "{base64 {password}}"
      Then the relay answers 235
      And the session is in step

    @needs.auth-login
    Scenario: The name is an initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH LOGIN {base64 {user}}"
      Then the relay answers 334
      When it says "{base64 {password}}"
      Then the relay answers 235
      And the session is in step

    @needs.auth-login
    Scenario: A wrong password
      Given a client that has come to where it may authenticate
      When it says "AUTH LOGIN"
      Then the relay answers 334
      When it says "{base64 {user}}"
      Then the relay answers 334
      When it says "{base64 wrong}"
      Then the relay answers 535
      And the session is in step

  @RFC4954-8/case @may
  Rule: The name of a mechanism may have no case
    The grammar has it in capitals; many clients and relays don't mind. RFC 4954 §8, RFC 4422 §3.1.

    @needs.auth-plain
    Scenario: plain for PLAIN
      Given a client that has come to where it may authenticate
      When it says "auth plain {base64 \0{user}\0{password}}"
      Then the relay answers 235

  @RFC4954-4/xoauth2 @should @observed
  Rule: XOAUTH2 takes a user with a bearer token
    No RFC has it. A token that isn't good brings a challenge that says why, which the client answers with an empty line;
    only then comes the refusal. Some relays refuse at once.

    @needs.auth-xoauth2
    Scenario: A good token as the initial response
      Given a client that has come to where it may authenticate
      When it says "AUTH XOAUTH2 {base64 user={user}\x01auth=Bearer {bearer}\x01\x01}"
      Then the relay answers 235
      And the session is in step

    @needs.auth-xoauth2
    Scenario: A good token after an empty challenge
      Given a client that has come to where it may authenticate
      When it says "AUTH XOAUTH2"
      Then the relay answers 334
      When it says "{base64 user={user}\x01auth=Bearer {bearer}\x01\x01}"
      Then the relay answers 235

    @needs.auth-xoauth2
    Scenario Outline: A token that isn't good
      Given a client that has come to where it may authenticate
      When it says "AUTH XOAUTH2 {base64 user={user}\x01auth=Bearer <token>\x01\x01}"
      Then the relay answers 334 or 535
      When it says ""
      Then the relay answers 5yz
      And the session is in step

      Examples:
        | because            | token          |
        | it is nobody's     | xyzzy          |
        | it has expired     | {expired}      |
        | it is another's    | {other bearer} |

    @needs.auth-xoauth2
    Scenario: The challenge of a refusal is cancelled
      Given a client that has come to where it may authenticate
      When it says "AUTH XOAUTH2 {base64 user={user}\x01auth=Bearer xyzzy\x01\x01}"
      Then the relay answers 334 or 535
      When it says "*"
      Then the relay answers 5yz
      And the session is in step

    @needs.auth-xoauth2
    Scenario: What is no user with a token
      Given a client that has come to where it may authenticate
      When it says "AUTH XOAUTH2 {base64 {user} {bearer}}"
      Then the relay answers 334 or 501 or 535
      When it says ""
      Then the relay answers 5yz
      And the session is in step
