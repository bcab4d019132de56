@rfc @needs.dsn
Feature: RFC 3461: notifications of delivery

  A relay that announces DSN lets the client say which notifications it wants: RET and ENVID with MAIL, NOTIFY and ORCPT
  with RCPT. What becomes of them in notifications is not judged here. RFC 3461 §4.

  @RFC3461-2/no-parameter @must
  Rule: DSN is announced without a parameter
    RFC 3461 §2.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "DSN" no parameter

  @RFC3461-4/mail-parameters @must
  Rule: MAIL takes RET and ENVID where DSN was announced
    RET is FULL or HDRS, ENVID is xtext of up to 100 characters. RFC 3461 §4.3, §4.4.

    Scenario Outline: A transaction with
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what                 | parameters              |
        | the whole message    | RET=FULL                |
        | the header only      | RET=HDRS                |
        | small letters        | ret=hdrs                |
        | an identifier        | ENVID=QQ314159          |
        | a coded identifier   | ENVID=a+2Bb+3Dc         |
        | a long identifier    | ENVID={x*100}           |
        | both                 | RET=FULL ENVID=QQ314159 |
        | both, the other way  | ENVID=QQ314159 RET=FULL |

  @RFC3461-4/rcpt-parameters @must
  Rule: RCPT takes NOTIFY and ORCPT where DSN was announced
    NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY; ORCPT is the type of an address and the address as xtext.
    RFC 3461 §4.1, §4.2.

    Scenario Outline: A recipient with
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<{recipient}> <parameters>"
      Then the relay answers 250
      And the session is in step

      Examples:
        | what                 | parameters                               |
        | no notification      | NOTIFY=NEVER                             |
        | success              | NOTIFY=SUCCESS                           |
        | failure and delay    | NOTIFY=FAILURE,DELAY                     |
        | all of them          | NOTIFY=SUCCESS,FAILURE,DELAY             |
        | small letters        | notify=success,failure                   |
        | the original address | ORCPT=rfc822;{recipient}                 |
        | a coded address      | ORCPT=rfc822;a+2Bb@{domain of recipient} |
        | both                 | NOTIFY=DELAY ORCPT=rfc822;{recipient}    |

  @RFC3461-4/taken @must
  Rule: A message with all of them is taken
    RFC 3461 §4, §5.

    Scenario: Two recipients want to know different things
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> RET=HDRS ENVID=QQ314159"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}> NOTIFY=SUCCESS ORCPT=rfc822;{recipient}"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient2}> NOTIFY=NEVER"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

  @RFC3461-4/mail-malformed @should
  Rule: What is no RET or ENVID is refused
    And each stands once, with MAIL only. RFC 3461 §4.3, §4.4; RFC 5321 §4.1.1.11.

    Scenario Outline: MAIL is refused with
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> <parameters>"
      Then the relay answers 5yz
      And it can still relay a message

      Examples:
        | what               | parameters             |
        | another word       | RET=ALL                |
        | no value of RET    | RET=                   |
        | RET twice          | RET=FULL RET=HDRS      |
        | no value of ENVID  | ENVID=                 |
        | a broken code      | ENVID=a+zz             |
        | ENVID twice        | ENVID=a ENVID=b        |
        | 101 characters     | ENVID={x*101}          |
        | NOTIFY             | NOTIFY=NEVER           |

  @RFC3461-4/rcpt-malformed @should
  Rule: What is no NOTIFY or ORCPT is refused
    NEVER stands alone. Each parameter stands once, with RCPT only. RFC 3461 §4.1, §4.2; RFC 5321 §4.1.1.11.

    Scenario Outline: RCPT is refused with
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "RCPT TO:<{recipient2}> <parameters>"
      Then the relay answers 5yz
      When it says "DATA"
      Then the relay answers 354
      When it sends its message
      Then the relay answers 250

      Examples:
        | what                   | parameters                                    |
        | NEVER and something    | NOTIFY=NEVER,SUCCESS                          |
        | something and NEVER    | NOTIFY=FAILURE,NEVER                          |
        | another word           | NOTIFY=SOMETIMES                              |
        | no value of NOTIFY     | NOTIFY=                                       |
        | nothing behind a comma | NOTIFY=SUCCESS,                               |
        | NOTIFY twice           | NOTIFY=SUCCESS NOTIFY=DELAY                   |
        | no type of an address  | ORCPT={recipient2}                            |
        | no value of ORCPT      | ORCPT=                                        |
        | a broken code          | ORCPT=rfc822;a+zz                             |
        | ORCPT twice            | ORCPT=rfc822;{recipient} ORCPT=rfc822;a@b.example |
        | RET                    | RET=FULL                                      |
