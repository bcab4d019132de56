"""A relay as somebody would write one on aiosmtpd: it takes mail from its own machine and from users who have said who
they are, puts a Received field in front, and hands it to the next hop before it says that it took it.

What SMTP it speaks is aiosmtpd's; only who may send, and where to, is said here.
"""

import asyncio
import email.utils
import hmac
import ipaddress
import os
import signal
import smtplib
import socket
import ssl
import sys

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult, SMTP

HOSTNAME = "aiosmtpd.example"
SIZE_LIMIT = 32 * 1024 * 1024
NEXT_HOP_TIMEOUT = 30  # seconds


class Users:
    """The users of a file, a line each: address, a tab, password. It is read at each log-in, so it can be changed."""

    def __init__(self, file):
        self.file = file

    def __call__(self, server, session, envelope, mechanism, credentials):
        if mechanism not in ("PLAIN", "LOGIN"):
            return AuthResult(success=False, handled=False)
        for address, password in self.read():
            if hmac.compare_digest(address, credentials.login) and hmac.compare_digest(password, credentials.password):
                return AuthResult(success=True, auth_data=address.decode())
        return AuthResult(success=False, handled=False)

    def read(self):
        with open(self.file, "rb") as users:
            for line in users:
                address, _, password = line.rstrip(b"\n").partition(b"\t")
                yield address, password


class Relay:
    """Who may send, and where it goes."""

    def __init__(self, next_hop):
        self.next_hop = next_hop

    async def handle_RCPT(self, server, session, envelope, address, options):
        if not session.authenticated and not ipaddress.ip_address(session.peer[0]).is_loopback:
            return "550 5.7.1 relaying denied"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        message = received(session, envelope) + envelope.original_content
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.pass_on, envelope, message)
        except smtplib.SMTPRecipientsRefused as e:
            return answer(*next(iter(e.recipients.values())))
        except smtplib.SMTPResponseException as e:
            return answer(e.smtp_code, e.smtp_error)
        except (OSError, smtplib.SMTPException) as e:
            print("next hop:", e, file=sys.stderr, flush=True)
            return "451 4.4.1 the next hop can't be reached"
        return "250 2.0.0 OK"

    def pass_on(self, envelope, message):
        host, port = self.next_hop
        with smtplib.SMTP(host, port, local_hostname=HOSTNAME, timeout=NEXT_HOP_TIMEOUT) as hop:
            hop.ehlo()
            options = [o for o in envelope.mail_options if o.upper() == "SMTPUTF8" or o.upper().startswith("BODY=")]
            code, text = hop.mail(envelope.mail_from or "", options)
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, text, envelope.mail_from)
            refused = {}
            for recipient in envelope.rcpt_tos:
                code, text = hop.rcpt(recipient)
                if code not in (250, 251):
                    refused[recipient] = (code, text)
            if len(refused) == len(envelope.rcpt_tos):
                raise smtplib.SMTPRecipientsRefused(refused)
            code, text = hop.data(message)
            if code != 250:
                raise smtplib.SMTPDataError(code, text)


def received(session, envelope):
    """The trace that every relay leaves: RFC 5321 section 4.4."""
    protocol = "ESMTP" if session.extended_smtp else "SMTP"
    if session.ssl:
        protocol += "S"
    if session.authenticated:
        protocol += "A"
    lines = (
        f"Received: from {session.host_name} ([{session.peer[0]}])",
        f"\tby {HOSTNAME} with {protocol};",
        f"\t{email.utils.formatdate()}",
    )
    return "\r\n".join(lines).encode() + b"\r\n"


def answer(code, text):
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return "\r\n".join(f"{code}-{line}" for line in text.splitlines()[:-1]) + f"{code} {text.splitlines()[-1]}"


def listen(loop, relay, port, users, context, implicit):
    options = {"hostname": HOSTNAME, "data_size_limit": SIZE_LIMIT, "enable_SMTPUTF8": True, "authenticator": users}
    if not implicit:
        options["tls_context"] = context

    class Listener(UnthreadedController):
        def factory(self):
            return SMTP(self.handler, loop=loop, **options)

    Listener(
        relay, hostname="127.0.0.1", port=port, loop=loop, ssl_context=context if implicit else None,
    ).begin()


def main():
    host, _, port = os.environ["SINK"].rpartition(":")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    relay, users = Relay((host, int(port))), Users(os.environ["USERS"])
    loop = asyncio.new_event_loop()
    for name, implicit in (("PORT25", False), ("PORT465", True), ("PORT587", False)):
        listen(loop, relay, int(os.environ[name]), users, context, implicit)
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, loop.stop)
    print("ready", flush=True)
    loop.run_forever()


main()
