@rfc @needs.enhancedstatuscodes
Feature: RFC 2034: enhanced status codes

  A relay that announces ENHANCEDSTATUSCODES begins the text of its replies with class.subject.detail, so that a program
  understands them. The greeting and the replies to HELO and EHLO have none, nor have 3yz replies. RFC 2034 §4, RFC 3463.

  @RFC2034-3/no-parameter @must
  Rule: ENHANCEDSTATUSCODES is announced without a parameter
    RFC 2034 §3.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "ENHANCEDSTATUSCODES" no parameter

  @RFC2034-4/every-reply @must
  Rule: Every 2yz, 4yz and 5yz reply has a code of its class
    Class 2 with 2yz, 4 with 4yz, 5 with 5yz; subject and detail are 1 to 3 digits each. RFC 2034 §4, RFC 3463 §2.

    Scenario: In a transaction that is accepted
      Given a client that has said EHLO
      And it has begun a transaction with 2 recipients
      And it has begun its message
      When it sends its message
      Then the relay answers 2yz
      And every answer so far has an enhanced code of its class

    Scenario: In answer to NOOP, RSET and QUIT
      Given a client that has said EHLO
      When it sends "NOOP\r\n"
      Then the relay answers 2yz
      When it sends "RSET\r\n"
      Then the relay answers 2yz
      When it sends "QUIT\r\n"
      Then the relay answers 221
      And every answer so far has an enhanced code of its class

    Scenario Outline: In answer to <command>, which is usually refused
      Given a client that has said EHLO
      When it says "<command>"
      Then the relay answers 2yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

      Examples:
        | command                                   |
        | XYZZY                                     |
        | MAIL                                      |
        | MAIL FROM:{sender} {sender}               |
        | MAIL FROM:<{sender}> X-NO-SUCH-PARAMETER  |
        | RCPT TO:<{recipient}>                     |

    Scenario: In answer to a recipient that is none
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:<>"
      Then the relay answers 2yz or 4yz or 5yz
      When it says "DATA"
      Then the relay answers 3yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

    Scenario: In answer to a command line that is too long
      Given a client that has said EHLO
      When it says "NOOP {x*3000}"
      Then the relay answers 2yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

    @needs.size
    Scenario: In answer to a message that is declared too large
      Given a client that has said EHLO
      When it says "MAIL FROM:<{sender}> SIZE={size+1}"
      Then the relay answers 2yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

    @needs.starttls
    Scenario: In answer to STARTTLS, and in TLS
      Given a client that has said EHLO in TLS
      When it says "XYZZY"
      Then the relay answers 4yz or 5yz
      And every answer so far has an enhanced code of its class

    @needs.auth-plain
    Scenario: In answer to AUTH, refused and accepted
      Given a client that has come to where it may authenticate
      When it says "AUTH"
      Then the relay answers 4yz or 5yz
      When it says "AUTH PLAIN !"
      Then the relay answers 4yz or 5yz
      When it says "AUTH PLAIN {base64 \0{user}\0{password}}"
      Then the relay answers 2yz
      And every answer so far has an enhanced code of its class

    @needs.auth
    Scenario: In answer to AUTH with a mechanism that nobody offers
      Given a client that has come to where it may authenticate
      When it says "AUTH XYZZY"
      Then the relay answers 3yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

    @needs.chunking
    Scenario: In answer to BDAT
      Given a client that has said EHLO
      When it says "BDAT 0 LAST"
      Then the relay answers 4yz or 5yz
      And every answer so far has an enhanced code of its class

  @RFC2034-4/information @should
  Rule: HELP and VRFY are answered with a code, too
    They are no exceptions, though their replies are for people more than for programs. RFC 2034 §4.

    Scenario Outline: In answer to <command>
      Given a client that has said EHLO
      When it says "<command>"
      Then the relay answers 2yz or 4yz or 5yz
      And every answer so far has an enhanced code of its class

      Examples:
        | command            |
        | HELP               |
        | VRFY {recipient}   |
        | EXPN postmaster    |

  @RFC2034-4/every-line @must
  Rule: A reply of several lines has its code on each of them
    The same one, at the beginning of the text of every line. RFC 2034 §4.

    Scenario: Whatever is answered in several lines
      Given a client that has said EHLO
      When it says "XYZZY"
      Then the relay answers 4yz or 5yz
      When it says "HELP"
      Then the relay answers 2yz or 4yz or 5yz
      When it says "MAIL FROM:<nobody@{domain of recipient}.invalid>"
      Then the relay answers 2yz or 4yz or 5yz
      And every line so far has an enhanced code of its class

    @needs.auth-plain
    Scenario: Credentials that are wrong
      Given a client that has come to where it may authenticate
      When it says "AUTH PLAIN {base64 \0{user}\0wrong}"
      Then the relay answers 4yz or 5yz
      And every line so far has an enhanced code of its class
