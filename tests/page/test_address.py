"""Where others reach the page: what is found and said, and QR codes of no other address, read by another program."""

from __future__ import annotations

import io
import re
import socket

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from serving import address, classroom
from serving.address import Reach

LAN = Reach(True, ("http://192.168.0.7:7860",))


class Network:
    """A computer's network: the own address by which each address would be reached; others cannot be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **ways: str):
        self.ways, self.sent = {there.replace("_", "."): own for there, own in ways.items()}, []
        monkeypatch.setattr(address.socket, "socket", self.opened)

    def opened(self, kind: int, how: int):
        assert how == socket.SOCK_DGRAM, "a stream would send something"
        return Asking(self)


class Asking:
    def __init__(self, network: Network):
        self.network = network

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def connect(self, where: tuple):
        self.own = next((own for there, own in self.network.ways.items() if where[0].startswith(there[1:])), None)
        if self.own is None:
            raise OSError("Network is unreachable")

    def getsockname(self):
        return (self.own, 40000)


# --- what is found


def test_an_address_that_others_can_use_is_found_without_sending_anything(monkeypatch: pytest.MonkeyPatch):
    Network(monkeypatch, _192_0="192.168.0.7", _192_168="192.168.0.7", _10="10.8.0.2", _172="127.0.0.1")
    assert address.own_addresses() == ["192.168.0.7", "10.8.0.2"]
    found = address.reach("0.0.0.0", 8000)
    assert found == Reach(True, ("http://192.168.0.7:8000", "http://10.8.0.2:8000")) and found.note == ""


def test_an_own_network_of_ipv6_is_named_only_where_the_page_listens_there(monkeypatch: pytest.MonkeyPatch):
    Network(monkeypatch, _2001="2001:db8::7", _192_168="fe80::1%eth0")
    assert address.reach("::", 8000).addresses == ("http://[2001:db8::7]:8000",)
    assert address.reach("0.0.0.0", 8000) == Reach(True, ())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_a_page_for_this_computer_alone_has_no_address_for_others(host: str):
    found = address.reach(host, 7860)
    assert found == Reach() and "--host 0.0.0.0" in found.note


@pytest.mark.parametrize(
    "host, url", [("192.168.3.4", "http://192.168.3.4:80"), ("lab.example", "http://lab.example:80")]
)
def test_an_address_that_was_given_is_the_one(host: str, url: str):
    assert address.reach(host, 80) == Reach(True, (url,))


# --- what is said


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Few(Terminal):
    encoding = "ascii"


def test_the_terminal_shows_the_address_and_its_code():
    said = address.said("0.0.0.0", 7860, LAN, Terminal())
    own, others, *drawn = said.splitlines()
    assert own.endswith("http://127.0.0.1:7860") and others.endswith("reach it at http://192.168.0.7:7860")
    rows = [row for row in drawn if row]
    shown = np.array([[letter in "█" + half for letter in row] for row in rows for half in ("▀", "▄")])
    assert read(~np.kron(shown, np.ones((4, 4), bool))) == "http://192.168.0.7:7860"


def test_a_file_or_a_terminal_of_few_letters_gets_the_sentence_alone():
    for out in (io.StringIO(), Few()):
        assert len(address.said("0.0.0.0", 7860, LAN, out).splitlines()) == 2


def test_that_nothing_was_found_is_said_and_a_page_for_one_says_nothing_of_others():
    assert "no address was found" in address.said("0.0.0.0", 1, Reach(True), Terminal())
    assert address.said("127.0.0.1", 1, Reach(), Terminal()) == "GANatomy is at http://127.0.0.1:1"


def test_what_the_page_is_told_cannot_end_its_script():
    assert "</script><b>" not in classroom.head(Reach(True, ("http://a</script><b>:1",)))


# --- as a QR code


def read(dark: np.ndarray) -> str:
    """What another program reads in a code [h, w], True where it is dark."""
    reader = pytest.importorskip("zxingcpp")
    return reader.read_barcode(np.where(dark, 0, 255).astype(np.uint8)).text


def modules(svg: bytes) -> np.ndarray:
    """The modules that the path of an SVG draws, [n, n] bool: runs of one row each."""
    side = int(re.search(rb'fill="#fff" d="M0 0h(\d+)v', svg)[1])
    dark, x, y = np.zeros((side, side), bool), 0, 0
    for command, first, second in re.findall(
        r"([Mmh])(-?[\d.]+)(?: ?(-?[\d.]+))?", re.search(r'stroke="#000" d="([^"]+)', svg.decode())[1]
    ):
        if command == "h":
            dark[y, x : x + int(first)] = True
            x += int(first)
        else:
            x, y = (int(first), int(float(second))) if command == "M" else (x + int(first), y + int(float(second)))
    return np.kron(dark, np.ones((4, 4), bool))


def asked(path: str, others: Reach = LAN, base: str = "http://127.0.0.1:7860", **headers: str):
    client = TestClient(Starlette(routes=[address.route(others)]), base_url=base)
    return client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})


def test_the_code_of_a_page_that_was_opened_here_is_that_for_others():
    answer = asked("/qr?tab=paint&v=1&region=mouth&amounts=0,1.5")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert read(modules(answer.content)) == "http://192.168.0.7:7860/?tab=paint&v=1&region=mouth&amounts=0,1.5"
    assert read(modules(asked("/qr").content)) == "http://192.168.0.7:7860/"


def test_behind_a_proxy_the_code_is_of_the_address_that_visitors_see():
    seen = dict(X_Forwarded_Host="example.org", X_Forwarded_Proto="https")
    assert read(modules(asked("/qr?seed=7", Reach(), **seen).content)) == "https://example.org/?seed=7"


def test_no_code_of_another_address_can_be_made():
    for query in ("http://evil.example/", "url=https%3A%2F%2Fevil.example", "@evil.example/", "//evil.example/?a=1"):
        answer = asked(f"/qr?{query}")
        if answer.status_code == 200:  # a query of this page, whatever it says
            assert read(modules(answer.content)) == f"http://192.168.0.7:7860/?{query}"
        else:
            assert answer.status_code == 400 and "link of this page" in answer.text
    assert asked("/qr?url=https%3A%2F%2Fevil.example").status_code == 200, "not everything is refused"


def test_a_code_that_cannot_work_is_refused_in_a_sentence():
    long, alone = asked("/qr?a=" + "x" * 2000), asked("/qr?seed=7", Reach())
    assert long.status_code == 400 and "at most 2,000 characters" in long.text
    assert alone.status_code == 404 and "--host 0.0.0.0" in alone.text
    assert asked("/qr?a=%0d%0a<b>", base="http://192.168.0.7:1").status_code in (200, 400)
    assert asked("/qr?a=" + "x" * 1990).status_code == 200


def test_where_the_page_cannot_listen_it_says_why_and_never_blames_the_port_for_an_unknown_host():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"http://127.0.0.1:{port} is in use already: choose another port" in address.trouble("127.0.0.1", port)
        assert "no port" not in address.trouble("localhost", port)
    assert address.trouble("127.0.0.1", port) == ""
    for host, said in (("nosuch.invalid", "no computer is known"), ("203.0.113.9", "is no address of this computer")):
        assert said in address.trouble(host, port) and "another port" not in address.trouble(host, port)
    assert "no computer" in address.trouble("a" * 70 + ".example", port) and "no computer" in address.trouble(
        "..", port
    )
    assert address.taken("::1", 65535).endswith("--port 7860") and "[::1]:65535" in address.taken("::1", 65535)


@pytest.mark.parametrize("given", ["99999", "0", "-4", "65536", "abc", "", "７８６０", "1e3"])
def test_what_is_no_port_is_refused_in_a_sentence(given: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        app.parser_of_arguments().parse_args([f"--port={given}"])
    assert "is no port: give a whole number from 1 to 65535" in capsys.readouterr().err


def test_variables_of_the_shell_that_are_empty_or_no_port(monkeypatch, capsys: pytest.CaptureFixture):
    for name in ("PORT", "GRADIO_SERVER_PORT", "HOST"):
        monkeypatch.setenv(name, "")
    found = app.parser_of_arguments().parse_args([])
    assert (found.host, found.port) == ("127.0.0.1", 7860)
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(SystemExit):
        app.parser_of_arguments().parse_args([])
    assert "'http' is no port" in capsys.readouterr().err


def test_the_page_itself_says_it_and_ends(monkeypatch, capsys: pytest.CaptureFixture):
    for arguments, said in ((["--host", "nosuch.invalid"], "no computer is known"), ([], "a quote that does not end")):
        monkeypatch.setenv("GANATOMY_OPTIONS", "" if arguments else "--weights 'a")
        monkeypatch.setattr(app.sys, "argv", ["app.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        assert ended.value.code == 2 and said in capsys.readouterr().err
