@rfc @needs.chunking
Feature: RFC 3030: messages in chunks

  BDAT says how many octets follow, and LAST with the chunk that ends the message. Nothing in a chunk has a meaning to the
  relay: no dot is stuffed and none ends it. {length X} is how many octets X has. RFC 3030 §2.

  @RFC3030-2/no-parameter @must
  Rule: CHUNKING is announced without a parameter
    RFC 3030 §2.

    Scenario: The keyword stands alone
      Given a client that has said EHLO
      Then the reply to EHLO gives "CHUNKING" no parameter

  @RFC3030-2/chunks @must
  Rule: Each chunk is answered with 250, and LAST ends the message
    The verb and LAST have no case. A last chunk may be empty. RFC 3030 §2.

    Scenario: One chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      And the session is in step

    Scenario: Letters of any case
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "bdat {length {message}} last\r\n{message}"
      Then the relay answers 250
      And the session is in step

    Scenario: Three chunks, each when the one before has been answered
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it sends "BDAT 10\r\n12345678\r\n"
      Then the relay answers 250
      When it sends "BDAT 10 LAST\r\n12345678\r\n"
      Then the relay answers 250
      And the session is in step

    Scenario: An empty last chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it says "BDAT 0 LAST"
      Then the relay answers 250
      And the session is in step

    Scenario: An empty chunk among others
      Given a client that has said EHLO
      And it has begun a transaction
      When it says "BDAT 0"
      Then the relay answers 250
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      And the session is in step

    Scenario: A chunk of 70,000 octets
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}{{x*98}\r\n*700}} LAST\r\n{message}{{x*98}\r\n*700}"
      Then the relay answers 250
      And the session is in step

    Scenario: A chunk whose every octet is a segment
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends octet by octet:
        """
        BDAT {length {message}} LAST
        {message}\
        """
      Then the relay answers 250
      And the session is in step

    Scenario: DATA and BDAT for one message each
      Given a client that has said EHLO
      Then it can still relay a message
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 250
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      And it can still relay a message

  @RFC3030-2/octets @must @needs.deliveries
  Rule: The message is the octets of its chunks, no more and no less
    A line of a single dot is a line like others, and a dot at the beginning of a line stays. The borders of chunks are
    those of nothing else. RFC 3030 §2; RFC 5321 §4.5.2 is about DATA only.

    Scenario: A line of a single dot
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}.\r\nbehind the dot\r\n} LAST\r\n{message}.\r\nbehind the dot\r\n"
      Then the relay answers 250
      And the message is delivered with "{token}\r\n.\r\nbehind the dot\r\n"
      And the session is in step

    Scenario: Lines that begin with dots
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}..two\r\n...three\r\n} LAST\r\n{message}..two\r\n...three\r\n"
      Then the relay answers 250
      And the message is delivered with "{token}\r\n..two\r\n...three\r\n"

    Scenario: A border in the middle of a line
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}half }\r\n{message}half "
      Then the relay answers 250
      When it sends "BDAT 8 LAST\r\na line\r\n"
      Then the relay answers 250
      And the message is delivered with "{token}\r\nhalf a line\r\n"

    Scenario: A border between CR and LF
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}a line\r}\r\n{message}a line\r"
      Then the relay answers 250
      When it sends "BDAT 10 LAST\r\n\nanother\r\n"
      Then the relay answers 250
      And the message is delivered with "{token}\r\na line\r\nanother\r\n"

    Scenario: A border in front of a dot and behind it
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it sends "BDAT 1\r\n."
      Then the relay answers 250
      When it sends "BDAT 7 LAST\r\n\r\nend\r\n"
      Then the relay answers 250
      And the message is delivered with "{token}\r\n.\r\nend\r\n"

    Scenario: A chunk that looks like the end of a message and the next one
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends in one segment:
        """
        BDAT {length {message}\r\n.\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n{message}.\r\n} LAST
        {message}
        .
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        DATA
        {message}.
        """
      Then the relay answers 250
      And the session is in step
      And the message is delivered with "\r\n.\r\nMAIL FROM:"
      And at most 1 message is delivered

  @RFC3030-2/discarded @must
  Rule: The octets of a refused chunk are thrown away before the refusal
    They are never taken for commands, whatever the chunk was refused for. RFC 3030 §2.

    Scenario Outline: A chunk of commands
      Given a client that has said EHLO
      When it says "<first>"
      Then the relay answers 2yz or 4yz or 5yz
      When it sends "<chunk>\r\nDATA\r\nDATA\r\nDATA\r\n"
      Then the relay answers 4yz or 5yz
      And the session is in step

      Examples:
        | when                     | first                | chunk        |
        | before MAIL              | NOOP                 | BDAT 18      |
        | before MAIL, as the last | NOOP                 | BDAT 18 LAST |
        | before RCPT              | MAIL FROM:<{sender}> | BDAT 18      |
        | before RCPT, as the last | MAIL FROM:<{sender}> | BDAT 18 LAST |

    Scenario: A chunk of commands after a refused recipient, and the session goes on
      Given a client that has said EHLO
      And it has begun a transaction with no recipients
      When it says "RCPT TO:"
      Then the relay answers 4yz or 5yz
      When it sends "BDAT 18 LAST\r\nDATA\r\nDATA\r\nDATA\r\n"
      Then the relay answers 4yz or 5yz
      When it says "RSET"
      Then the relay answers 250
      And it can still relay a message

    @needs.pipelining
    Scenario: Two chunks of commands that were sent before the first was refused
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:
        BDAT 6
        DATA
        BDAT 6 LAST
        DATA
        NOOP
        """
      Then the relay answers 250, 4yz or 5yz, 4yz or 5yz, 4yz or 5yz, 250
      And the session is in step

  @RFC3030-2/pipelined @must @needs.pipelining
  Rule: Chunks may be sent in a group
    With the envelope in front. RFC 3030 §2, §4.2; RFC 2920 §3.1.

    Scenario: An envelope with its message, and QUIT
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        BDAT {length {message}}
        {message}BDAT 10
        12345678
        BDAT 0 LAST
        QUIT
        """
      Then the relay answers 250, 250, 250, 250, 250, 221 and closes the session

    Scenario: Two messages
      Given a client that has said EHLO
      When it sends in one segment:
        """
        MAIL FROM:<{sender}>
        RCPT TO:<{recipient}>
        BDAT {length {message}} LAST
        {message}MAIL FROM:<{sender}>
        RCPT TO:<{recipient2}>
        BDAT {length {message}} LAST
        {message}\
        """
      Then the relay answers 250, 250, 250, 250, 250, 250
      And the session is in step

  @RFC3030-2/data-after-bdat @must
  Rule: DATA after BDAT in a transaction gets 503
    RFC 3030 §2.

    Scenario: DATA between two chunks
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it says "DATA"
      Then the relay answers 503
      When it says "RSET"
      Then the relay answers 250
      And it can still relay a message

  @RFC3030-2/after-last @must
  Rule: BDAT after LAST gets 503
    The transaction is over. RFC 3030 §2.

    Scenario: Another chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      When it sends "BDAT 6\r\nNOOP\r\n"
      Then the relay answers 503
      When it says "RSET"
      Then the relay answers 250
      And the session is in step

    Scenario: Another last chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      When it says "BDAT 0 LAST"
      Then the relay answers 503

  @RFC3030-2/reset @must
  Rule: RSET between chunks forgets them
    The session is where it was after EHLO. RFC 3030 §2.

    Scenario: A chunk after RSET has no transaction
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it says "RSET"
      Then the relay answers 250
      When it says "BDAT 0 LAST"
      Then the relay answers 4yz or 5yz
      And the session is in step

    @needs.deliveries
    Scenario: The message of the next transaction begins with its own first chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}forgotten\r\n}\r\n{message}forgotten\r\n"
      Then the relay answers 250
      When it says "RSET"
      Then the relay answers 250
      When it says "MAIL FROM:<{sender}>"
      Then the relay answers 250
      When it says "RCPT TO:<{recipient}>"
      Then the relay answers 250
      When it sends "BDAT {length {message}} LAST\r\n{message}"
      Then the relay answers 250
      And the message is delivered without "forgotten"

  @RFC3030-2/incomplete @must @needs.deliveries
  Rule: A message without its last chunk isn't taken
    RFC 3030 §2; RFC 5321 §4.1.1.4, §4.1.1.10.

    Scenario: The connection is dropped within the last chunk
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}and more} LAST\r\n{message}"
      And it drops the connection
      Then no message is delivered

    Scenario: The connection is dropped between two chunks
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it drops the connection
      Then no message is delivered

    Scenario: QUIT between two chunks
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it says "QUIT"
      Then the relay answers 221 and closes the session
      And no message is delivered

  @RFC3030-2/between @should
  Rule: Between two chunks the transaction goes on
    NOOP changes nothing, and MAIL is out of sequence as in any transaction. RFC 3030 §2; RFC 5321 §4.1.4.

    Scenario Outline: A command between two chunks
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "BDAT {length {message}}\r\n{message}"
      Then the relay answers 250
      When it says "<command>"
      Then the relay answers <codes>
      When it sends "BDAT 5 LAST\r\nend\r\n"
      Then the relay answers 250
      And the session is in step

      Examples:
        | command              | codes |
        | NOOP                 | 250   |
        | MAIL FROM:<{sender}> | 503   |

  @RFC3030-2/malformed @should
  Rule: BDAT that isn't a number with or without LAST is refused
    A relay can't know then what follows, so that it may end the session; but it mustn't await octets that nobody counted.
    RFC 3030 §2; RFC 5321 §4.2.4.

    Scenario Outline: BDAT with
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "<command>\r\n"
      Then without awaiting more the relay answers 5yz

      Examples:
        | what                 | command          |
        | no size              | BDAT             |
        | LAST and no size     | BDAT LAST        |
        | a word for a size    | BDAT ten         |
        | a size below nothing | BDAT -1          |
        | hexadecimal          | BDAT 0x0         |
        | a word for LAST      | BDAT 0 LASTX     |
        | two words            | BDAT 0 LAST LAST |
        | two sizes            | BDAT 0 0         |
