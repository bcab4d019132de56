@rfc @needs.starttls
Feature: RFC 3207: TLS within a session

  STARTTLS makes an encrypted session of a clear one, which begins anew: what was said in the clear by whoever stood in
  between counts for nothing. RFC 3207 §4, §6.

  @RFC3207-2/no-parameter @must
  Rule: STARTTLS is announced without a parameter
    RFC 3207 §2.

    Scenario: The keyword stands alone
      Given a client that has said EHLO in the clear
      Then the reply to EHLO gives "STARTTLS" no parameter

  @RFC3207-4/ready @must
  Rule: 220 means that TLS begins
    The handshake follows the reply at once, and the session goes on in TLS. 454 is for a relay that can't at present.
    RFC 3207 §4.

    Scenario: A message is relayed in TLS
      Given a client that has said EHLO in the clear
      And it has said "STARTTLS"
      When it begins TLS
      And it says "EHLO {client}"
      Then the relay answers 250
      And it can still relay a message
      And the session is in step

    Scenario: STARTTLS is answered with 220
      Given a client that has said EHLO in the clear
      When it says "STARTTLS"
      Then the relay answers 220 or 454

    Scenario: The verb has no case
      Given a client that has said EHLO in the clear
      When it says "StartTLS"
      Then the relay answers 220 or 454

  @RFC3207-4/argument @should
  Rule: STARTTLS has no argument
    501 is the reply for it. RFC 3207 §4.

    Scenario: An argument is refused, and the session goes on in the clear
      Given a client that has said EHLO in the clear
      When it says "STARTTLS now"
      Then the relay answers 501
      And it can still relay a message
      And the session is in step

  @RFC3207-4.2/not-listed @must
  Rule: STARTTLS isn't announced in TLS
    RFC 3207 §4.2.

    Scenario: EHLO in TLS doesn't list it
      Given a client that has started TLS
      When it says "EHLO {client}"
      Then the relay answers 250
      And the reply to EHLO doesn't list "STARTTLS"

  @RFC3207-4.2/again @should
  Rule: STARTTLS in TLS is refused
    A client mustn't ask for it; there is nothing sensible to begin. RFC 3207 §4, §4.2.

    Scenario: A second STARTTLS is refused, and the session goes on
      Given a client that has said EHLO in TLS
      When it says "STARTTLS"
      Then the relay answers 4yz or 5yz
      And it can still relay a message

  @RFC3207-4.2/nothing-remembered @must
  Rule: What was learnt in the clear is forgotten
    The session is again where it was after the greeting. A relay may as well refuse STARTTLS in a transaction.
    RFC 3207 §4.2.

    Scenario: A transaction that was begun in the clear is over
      Given a client that has said EHLO in the clear
      And it has begun a transaction
      When it sends "STARTTLS\r\n"
      Then nothing that came before TLS is remembered in it

    Scenario: A sender that was given in the clear is nobody's
      Given a client that has said EHLO in the clear
      And it has begun a transaction with no recipients
      When it sends "STARTTLS\r\n"
      Then the sender that was given before TLS is forgotten in it

  @RFC3207-4.2/ehlo-again @should
  Rule: EHLO has to be said again
    Its argument is forgotten with everything else, so that MAIL comes too early. RFC 3207 §4.2, RFC 5321 §4.1.4.

    Scenario: MAIL before EHLO in TLS is out of sequence
      Given a client that has started TLS
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 503
      When it says "EHLO {client}"
      Then the relay answers 250
      And it can still relay a message

  @RFC3207-4.2/injection @must
  Rule: What stands behind STARTTLS in the clear is not obeyed in TLS
    Somebody in between could have put it there. To refuse STARTTLS or to give up the session is as good as to throw it
    away. RFC 3207 §4.2, §6; RFC 2920 §3.1 (STARTTLS ends a group).

    Scenario Outline: <command> is sent with STARTTLS
      Given a client that has said EHLO in the clear
      When it sends in one segment:
        """
        STARTTLS
        <command>
        """
      Then nothing that came before TLS is obeyed in it

      Examples:
        | command              |
        | NOOP                 |
        | RSET                 |
        | EHLO {client}        |
        | MAIL FROM:<{sender}> |
        | XYZZY                |

    Scenario: A whole envelope is sent with STARTTLS
      Given a client that has said EHLO in the clear
      When it sends in one segment:
        """
        STARTTLS
        EHLO {client}
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        """
      Then nothing that came before TLS is obeyed in it

  @RFC3207-4.1/failed-handshake @should
  Rule: A handshake that fails isn't followed by commands in the clear
    220 has said that TLS follows. A client that can't agree on it has nothing to say that could be trusted.
    RFC 3207 §4, §4.1.

    Scenario: Commands in the clear where the handshake should be
      Given a client that has said EHLO in the clear
      When it says "STARTTLS"
      Then the relay answers 220
      When it sends 4 times "NOOP\r\n"
      Then nothing is obeyed in the clear
