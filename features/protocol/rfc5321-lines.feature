@rfc
Feature: RFC 5321: only CRLF ends a line

  Two servers that disagree about where a message ends let a client smuggle a second one past the first. The variants are
  those that were found in real servers in 2023. A relay may refuse such octets, keep them as they are, or put something
  harmless in their place: none may end a line or a message.

  @RFC5321-2.3.8/lines @must
  Rule: A command ends in CRLF, and in nothing else
    A relay may end the session of a client that sends such a line. RFC 5321 §2.3.8, §2.4.

    Scenario Outline: What stands behind <what> is no command
      Given a client that has said EHLO
      And it has begun a transaction
      When it sends "XYZZY<end>RSET\r\n"
      Then the relay answers 5yz
      And the session is in step or over

      Examples:
        | what      | end      |
        | a bare LF | {LF}     |
        | a bare CR | {CR}     |
        | LF and CR | {LF}{CR} |
        | CR twice  | {CR}{CR} |
        | a NUL     | {NUL}    |

  @RFC5321-4.1.1.4/only-crlf-dot-crlf @must
  Rule: A message ends with CRLF.CRLF, and with nothing else
    What follows is text, however much it looks like commands. RFC 5321 §2.3.8, §4.1.1.4, §4.5.2.

    Scenario Outline: <what> is no end
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}one<end>MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n{message}.\r\n"
      Then the relay answers 250 or 4yz or 5yz
      And the session is in step or over

      Examples:
        | what                 | end                |
        | LF.LF                | {LF}.{LF}          |
        | LF.CRLF              | {LF}.{CRLF}        |
        | CRLF.LF              | {CRLF}.{LF}        |
        | CR.CR                | {CR}.{CR}          |
        | CR.CRLF              | {CR}.{CRLF}        |
        | CRLF.CR              | {CRLF}.{CR}        |
        | LF.CR                | {LF}.{CR}          |
        | CR.LF                | {CR}.{LF}          |
        | CRLF.CRCRLF          | {CRLF}.{CR}{CRLF}  |
        | CRCRLF.CRLF          | {LF}{CR}.{CRLF}    |
        | NUL before the dot   | {CRLF}{NUL}.{CRLF} |
        | NUL behind the dot   | {CRLF}.{NUL}{CRLF} |
        | NUL in both CRLF     | {CR}{NUL}{LF}.{CR}{NUL}{LF} |
        | NUL around CR.CR     | {NUL}{CR}.{CR}{NUL} |
        | 0x85.0x85            | \x85.\x85          |

  @RFC5321-4.1.1.4/nothing-smuggled @must @needs.deliveries
  Rule: Nor does what the relay passes on end before its end
    A bare LF that becomes CRLF on its way out does at the next hop what this one didn't. RFC 5321 §2.3.8, §4.1.1.4.

    Scenario Outline: At most one message comes of one with <what>
      Given a client that has said EHLO
      And it has begun a transaction
      And it has begun its message
      When it sends "{message}one<end>MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n{message}.\r\n"
      Then the relay answers 250 or 4yz or 5yz
      And at most 1 message is delivered

      Examples:
        | what     | end         |
        | LF.LF    | {LF}.{LF}   |
        | LF.CRLF  | {LF}.{CRLF} |
        | CRLF.LF  | {CRLF}.{LF} |
        | CR.CR    | {CR}.{CR}   |
        | CRLF.CR  | {CRLF}.{CR} |
        | NUL before the dot | {CRLF}{NUL}.{CRLF} |
