@rfc @needs.size
Feature: RFC 1870: the size of a message is declared

  A relay that announces SIZE says how large a message it takes, {size} in octets with each CRLF counted and no stuffed dot,
  and lets the client say how large its message is before it is sent. RFC 1870 §5.

  @RFC1870-3/announced-value @must
  Rule: SIZE in the reply to EHLO has a number of octets, or nothing
    At most one parameter of digits; 0 is no maximum, and nothing says nothing. RFC 1870 §3.

    Scenario: What is announced is a number, if it is anything
      Given a client that has said EHLO
      Then the reply to EHLO gives "SIZE" at most one number

  @RFC1870-3/parameter @must
  Rule: MAIL takes SIZE where it was announced
    The client says SIZE= and up to 20 digits, in whatever case, behind the reverse-path. 4yz is for a relay that has no
    room at present. RFC 1870 §3, §6.1.

    Scenario Outline: A message is declared
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameter>"
      Then the relay answers 250 or 4yz
      And the session is in step

      Examples:
        | how                 | parameter           |
        | in thousands        | SIZE=1000           |
        | as one octet        | SIZE=1              |
        | as empty            | SIZE=0              |
        | in small letters    | size=1000           |
        | with leading zeroes | SIZE=00000000001000 |

  @RFC1870-6.1/declared-too-large @should
  Rule: MAIL is refused when it declares more than the maximum
    No message that is larger than the announced maximum is ever taken, so there is no point in sending it.
    RFC 1870 §4, §6.1.

    Scenario Outline: <octets> octets are too many
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> SIZE=<octets>"
      Then the relay answers 4yz or 5yz
      And it can still relay a message

      Examples:
        | octets       |
        | {size+1}     |
        | {size+10000} |
        | {size}0      |

  @RFC1870-6.1/552 @should
  Rule: 552 says that a message is too large for good
    So the client knows to return it and not to try again. RFC 1870 §6.1.

    Scenario: MAIL that declares one octet too many gets 552
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> SIZE={size+1}"
      Then the relay answers 552
      And the session is in step

  @RFC1870-6.1/declared-maximum @should
  Rule: MAIL isn't refused for a size up to the maximum
    552 is for what is larger; 4yz for what there is no room for at present. RFC 1870 §5, §6.1.

    Scenario Outline: <octets> octets are not too many
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> SIZE=<octets>"
      Then the relay answers 250 or 4yz

      Examples:
        | octets   |
        | {size}   |
        | {size-1} |

  @RFC1870-3/digits @should
  Rule: A size may have 20 digits
    What doesn't fit into a machine's number is too large, not malformed. RFC 1870 §3 (size-value).

    Scenario: 20 digits are read as a number
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> SIZE=99999999999999999999"
      Then the relay answers 250 or 4yz or 552
      And the session is in step

  @RFC1870-3/malformed @should
  Rule: What is no size is refused
    A size is 1 to 20 digits, and MAIL has one. RFC 1870 §3; RFC 5321 §4.1.1.11, §4.2.2.

    Scenario Outline: MAIL is refused with
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | what        | parameters                 |
        | no value    | SIZE=                      |
        | no digits   | SIZE=abc                   |
        | a minus     | SIZE=-1                    |
        | a plus      | SIZE=+1                    |
        | a unit      | SIZE=1k                    |
        | hexadecimal | SIZE=0x10                  |
        | 21 digits   | SIZE=999999999999999999999 |
        | two sizes   | SIZE=1000 SIZE=1000        |

  @RFC1870-6.3/less-than-declared @should
  Rule: A message smaller than declared isn't too large
    552 at the end is only for a message that is larger than it was declared. RFC 1870 §6.3.

    Scenario: A small message that was declared large is taken
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SIZE=100000"
      And it has said "RCPT TO:<{recipient}>"
      And it has begun its message
      When it sends its message
      Then the relay answers 250
      And the session is in step

  @RFC1870-6.3/more-than-declared @may
  Rule: A message larger than declared may be taken or refused
    A client may declare less; its 250 then promises nothing. RFC 1870 §6.3.

    Scenario: A message is larger than the one octet that it was declared
      Given a client that has said EHLO
      And it has said "MAIL FROM:<{sender}> SIZE=1"
      And it has said "RCPT TO:<{recipient}>"
      And it has begun its message
      When it sends its message
      Then the relay answers 250 or 552
      And the session is in step

  @RFC1870-5/maximum-kept @must @volume
  Rule: A message larger than the maximum is never taken
    Whether it was declared or not. Relays count a little differently, so that it is 100,000 octets too large here.
    RFC 1870 §4, §5.

    Scenario: A message that is 100,000 octets too large is refused
      Given a client that has said EHLO
      When it relays a message of {size+100000} octets
      Then the relay answers 4yz or 5yz

  @RFC1870-5/counted-exactly @should @volume
  Rule: The octets of a message are counted as they are sent
    With each CRLF, without the dot at the end. RFC 1870 §5.

    Scenario: A message of just the maximum is taken
      Given a client that has said EHLO
      When it relays a message of {size} octets
      Then the relay answers 250
      And the session is in step

    Scenario: A message of one octet more is refused, and the session goes on
      Given a client that has said EHLO
      When it relays a message of {size+1} octets
      Then the relay answers 552
      And it can still relay a message
