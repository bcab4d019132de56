@rfc @needs.pipelining
Feature: RFC 2920: commands in groups

  A relay that announces PIPELINING lets the client send commands without waiting for the reply to each. It answers each
  of them, in order, whatever the network makes of the octets' borders. RFC 2920 §3.

  @RFC2920-2/no-parameter @must
  Rule: PIPELINING is announced without a parameter
    RFC 2920 §2.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "PIPELINING" no parameter

  @RFC2920-3.2/in-order @must
  Rule: Each command of a group is answered, in the order of the group
    A group may hold MAIL, RCPT, RSET and the content of a message anywhere, and DATA, NOOP and others at its end. Whether
    the recipient that is none is refused isn't the question here. RFC 2920 §3.1, §3.2.

    Scenario: An envelope of three recipients with DATA at its end
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        RCPT TO:<{recipient2}>
        RCPT TO:<{recipient3}>
        DATA
        """
      Then the relay answers 250, 250, 250, 250, 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

    Scenario: A recipient that is none among others
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        RCPT FOR:<{recipient3}>
        RCPT TO:<{recipient2}>
        DATA
        """
      Then the relay answers 250, 250, 2yz or 4yz or 5yz, 250, 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

    Scenario: RSET in the middle of a group
      Given a client that has said EHLO
      When it sends in one segment:
        """
        RSET
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        RSET
        RCPT TO:<{recipient}>
        MAIL FROM:<{sender}>
        NOOP
        """
      Then the relay answers 250, 250, 250, 250, 4yz or 5yz, 250, 250
      And the session is in step

    Scenario: RSET and QUIT
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends in one segment:
        """
        RSET
        QUIT
        """
      Then the relay answers 250, 221 and closes the session

    Scenario: 20 recipients
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it sends 20 times "RCPT TO:<{recipient}>\r\n"
      Then the relay answers 250, 250, 250, 250, 250, 250, 250, 250, 250, 250
      And the relay answers 250, 250, 250, 250, 250, 250, 250, 250, 250, 250
      And the session is in step

  @RFC2920-3.2/input-kept @must
  Rule: Nothing that came is lost
    What came with a command is still there when that command has been done, the content of a message too. A client may
    put a message first in a group, and the next envelope behind it. RFC 2920 §3.1, §3.2 (1).

    Scenario: The next envelope behind the final dot
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends in one segment:
        """
        {message}.
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        DATA
        """
      Then the relay, losing nothing, answers 250, 250, 250, 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

    Scenario: QUIT behind the final dot
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends in one segment:
        """
        {message}.
        QUIT
        """
      Then the relay, losing nothing, answers 250, 221 and closes the session

    Scenario: A command line in two segments
      Given a client that has said EHLO
      When it sends "RSET\r\nRS"
      Then the relay answers 250
      When it sends "ET\r\n"
      Then the relay answers 250
      And the session is in step

    Scenario: A line whose CR and LF come in two segments
      Given a client that has said EHLO
      When it sends "RSET\r\nRSET\r"
      Then the relay answers 250
      When it sends "\n"
      Then the relay answers 250
      And the session is in step

    Scenario: A group whose every octet is a segment
      Given a client that has said EHLO
      When it sends octet by octet:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        DATA
        """
      Then the relay answers 250, 250, 354
      When it sends its message
      Then the relay answers 250
      And the session is in step

    Scenario: A message whose every octet is a segment, and the next command
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends octet by octet:
        """
        {message}..
        .
        RSET
        """
      Then the relay answers 250, 250
      And the session is in step

    @needs.deliveries
    Scenario: The message of a group is delivered whole
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        DATA
        """
      Then the relay answers 250, 250, 354
      When it sends in one segment:
        """
        {message}the last line
        .
        QUIT
        """
      Then the relay, losing nothing, answers 250, 221
      And the message is delivered with "\r\nthe last line\r\n"

  @RFC2920-3.2/input-kept-behind-last @should
  Rule: What a client mustn't group isn't lost either
    EHLO, NOOP and VRFY should be the last of a group, as their replies may be waited for; a relay that flushes what stands
    behind them loses commands. One that closes the session on such a client isn't in its way. RFC 2920 §3.1, §3.2 (1).

    Scenario Outline: <command> isn't the last of its group
      Given a client that has said EHLO
      When it sends in one segment:
        """
        <command>
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        """
      Then the relay answers 2yz or 50z or 550 or 551 or 553, 250, 250
      And the session is in step

      Examples:
        | command          |
        | EHLO {client}    |
        | NOOP             |
        | VRFY {recipient} |
        | XYZZY            |

  @RFC2920-3.2/no-recipient @should
  Rule: DATA is taken if and only if there is a recipient
    A client that sent DATA with the envelope would else have to end an empty message by a lone dot. RFC 2920 §3.2 (2).

    Scenario: Every recipient of a group is refused
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<>
        RCPT TO:<@>
        DATA
        """
      Then the relay answers 250, 4yz or 5yz, 4yz or 5yz, 4yz or 5yz
      And the session is in step

    Scenario: A group without a recipient
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        DATA
        """
      Then the relay answers 250, 4yz or 5yz
      And the session is in step
