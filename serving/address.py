"""Where others reach the page: its address in the network, in the terminal and as a QR code (`GET /qr?...`)."""

from __future__ import annotations

import contextlib
import errno
import io
import ipaddress
import os
import re
import socket
from typing import NamedTuple, TextIO
from urllib.parse import urlsplit

import segno
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from .front import root_of

LONGEST = 2_000  # characters of a query in a QR code; the page's links have fewer than 1,000
OF_THIS_COMPUTER = "give --host an address of this one, 127.0.0.1 for you alone or 0.0.0.0 for your network"
# Which of this computer's addresses would be used to reach these? Private networks, and what is reserved for examples.
THERE = ("192.0.2.1", "192.168.254.254", "10.254.254.254", "172.31.254.254", "2001:db8::1")
HERE_ALONE = "Only this computer can open this page. To let others in, start it with --host 0.0.0.0"
UNFOUND = (
    "The page listens for others too, but no address was found by which they reach this computer: connect it to a "
    "network and start again, or give the address that you know with --host"
)


def own_addresses() -> list[str]:
    """Addresses of this computer in its networks, the one that leads furthest first; nothing is sent to find them."""
    found = []
    for there in THERE:
        kind = socket.AF_INET6 if ":" in there else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as asking:
            asking.connect((there, 9))  # of a datagram socket: chooses the way, sends nothing
            found.append(asking.getsockname()[0].partition("%")[0])
    usable = [one for one in found if not _alone(one) and not ipaddress.ip_address(one).is_link_local]
    return list(dict.fromkeys(usable))


def _alone(host: str) -> bool:
    """Does this name or address mean the computer itself?"""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.strip("[]"))
        return address.is_loopback or address.is_unspecified
    return host == "localhost"


class Reach(NamedTuple):
    """Who can open the page. beyond: can others? addresses: at which, as "http://192.168.0.7:7860"; may be empty."""

    beyond: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        return next(iter(self.addresses), "")

    @property
    def note(self) -> str:
        """Why no address can be given, in a sentence; "" where one can."""
        return "" if self.addresses else UNFOUND if self.beyond else HERE_ALONE


def reach(host: str, port: int) -> Reach:
    """Who can open a page that listens on `host`, a name or an address, and `port`."""
    any_of = host in ("", "0.0.0.0", "::")
    if _alone(host) and not any_of:
        return Reach()
    hosts = own_addresses() if any_of else [host]
    if host == "0.0.0.0":
        hosts = [one for one in hosts if ":" not in one]
    return Reach(True, tuple(_url(one, port) for one in hosts))


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def said(host: str, port: int, others: Reach, out: TextIO) -> str:
    """What the program says of its address when it starts; with a QR code where `out` is a terminal that shows it."""
    own = "127.0.0.1" if host in ("", "0.0.0.0") else "::1" if host == "::" else host
    lines = [f"GANatomy is at {_url(own, port)}"]
    if others.addresses:
        lines.append(f"Others in the same network reach it at {' or '.join(others.addresses)}")
        drawn = io.StringIO()
        code(others.first).terminal(drawn, compact=True)
        with contextlib.suppress(UnicodeEncodeError):  # a terminal with few letters
            drawn.getvalue().encode(out.encoding or "ascii")
            lines += [drawn.getvalue()] if out.isatty() else []
    elif others.beyond:
        lines.append(f"{others.note}.")
    return "\n".join(lines)


# --- where to listen


def trouble(host: str, port: int) -> str:
    """Why the page cannot listen there, and what helps, in a sentence; "" where it can."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return f"no computer is known by the name {host!r}: {OF_THIS_COMPUTER}"
    for family, kind, _, _, where in found[:1]:
        try:
            with socket.socket(family, kind) as listener:
                if os.name != "nt":  # there it would allow what is taken
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(where)
        except PermissionError:
            return f"port {port} needs the rights of an administrator: choose one from 1024 on, such as --port 7860"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return taken(host, port)
            return f"{host} is no address of this computer: {OF_THIS_COMPUTER}"
    return ""


def taken(host: str, port: int) -> str:
    other = port + 1 if port < 65535 else 7860
    return f"{_url(host, port)} is in use already: choose another port, such as --port {other}"


# --- as a QR code


def code(address: str) -> segno.QRCode:
    """The largest tolerance of errors that costs no room: it is read off a projector's wall."""
    return segno.make(address, error="l", boost_error=True, micro=False)


def svg(address: str) -> bytes:
    made = io.BytesIO()
    code(address).save(made, kind="svg", scale=8, light="white", svgclass=None, lineclass=None, omitsize=True)
    return made.getvalue()


def page_of(scope: Scope, others: Reach) -> str:
    """The address at which others open the page that was asked for something; "" where they cannot."""
    root = root_of(scope)
    if not _alone(urlsplit(root).hostname or ""):
        return root  # as its visitor wrote it: of a proxy or a Space too
    return others.first and others.first + urlsplit(root).path


def route(others: Reach) -> Route:
    """`GET /qr?seed=7`: the code of this page's own address with that query. No other address can be coded."""

    async def answer(request: Request) -> Response:
        query = request.scope["query_string"].decode("latin-1")
        root = page_of(request.scope, others)
        if not root:
            return PlainTextResponse(f"{others.note}.", 404)
        if len(query) > LONGEST or not re.fullmatch(r"[\w.,~%&=+:!*'()/-]*", query, re.ASCII):
            says = f"A QR code holds a link of this page, of at most {LONGEST:,} characters: copy it again."
            return PlainTextResponse(says, 400)
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(svg(f"{root}/?{query}" if query else f"{root}/"), 200, headers, "image/svg+xml")

    return Route("/qr", answer, methods=["GET"])
