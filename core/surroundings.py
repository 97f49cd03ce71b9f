"""What the shell and the machine give to a program before it starts: proxies, a temporary folder, a terminal's letters.

It is called before the page's library is imported, which asks for all three.
"""

from __future__ import annotations

import ipaddress
import os
import stat
import sys
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

PROXIES = ("http_proxy", "https_proxy", "all_proxy")  # in lower or upper case
OWN = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # the page asks itself whether it is there


def settle(variable: str) -> None:
    """Makes all three usable, and says on stderr what was left out.

    variable: of the environment, see `temporary`. Exits with a sentence where nothing can be written.
    """
    letters()
    for said in proxies(os.environ):
        print(said, file=sys.stderr)
    try:
        temporary(os.environ, variable)
    except ValueError as error:
        sys.exit(str(error))


def letters() -> None:
    """From now on a letter that the terminal or the log cannot write is a question mark, and no failure."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # not there, or not a stream of text
            stream.reconfigure(errors="replace")


# --- proxies


def proxies(environment: MutableMapping[str, str], *hosts: str) -> list[str]:
    """The page's own addresses, and `hosts`, are reached without a proxy; one that cannot be used here is left out.

    Returns a sentence for each that was.
    """
    said = []
    for name in [name for name in environment if name.lower() in PROXIES]:
        if reason := _unusable(environment[name].strip()):
            del environment[name]
            said.append(f"The proxy of {name} is left out: {reason}.")
    given = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    kept = [one.strip().strip("[]") for one in given.split(",")]
    kept = [one for one in kept if not _network_of_ipv6(one)]  # httpx fails on those
    past = ",".join(dict.fromkeys(filter(None, (*kept, *OWN, *(host.strip("[]") for host in hosts)))))
    environment["no_proxy"] = environment["NO_PROXY"] = "*" if "*" in kept else past
    return said


def _unusable(proxy: str) -> str:
    """Why httpx cannot use a proxy, and what would help; "" where it can, or where none is named."""
    if "://" in proxy:
        scheme = proxy.partition("://")[0].lower()
        if scheme in ("socks5", "socks5h") and not find_spec("socksio"):
            return f"{scheme}:// needs the package socksio; install it, or name an HTTP proxy"
        if scheme not in ("http", "https", "socks5", "socks5h"):
            return f"{scheme}:// cannot be used here; name an HTTP proxy"
    try:
        urlsplit(proxy if "://" in proxy else f"http://{proxy}").port  # noqa: B018  (it is read to be checked)
    except ValueError:
        return "it is no address; write it as http://name:8080"
    return ""


def _network_of_ipv6(entry: str) -> bool:
    if "://" in entry or entry.count(":") < 2:
        return False
    with suppress(ValueError):
        ipaddress.ip_address(entry)
        return False
    return True


# --- temporary files


@lru_cache(maxsize=1)
def own_folder() -> Path:
    """A folder for temporary files that belongs to this user alone, also where several share the machine.

    Raises ValueError, one sentence, where there is no place for one.
    """
    who = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    try:
        place = Path(tempfile.gettempdir()) / f"ganatomy{who}"
        with suppress(OSError):
            place.mkdir(mode=0o700, exist_ok=True)
        return place if _is_ours(place) else Path(tempfile.mkdtemp(prefix="ganatomy-"))
    except OSError:
        raise ValueError(
            "There is no folder in which this page may write temporary files: set TMPDIR to a folder of yours."
        ) from None


def _is_ours(place: Path) -> bool:
    """Is it a folder, no link to one, that belongs to this user, and can it be written to?"""
    try:
        found = place.lstat()
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def temporary(environment: MutableMapping[str, str], variable: str) -> None:
    """The page's library keeps its files where `variable` tells it to, or in a folder of this user's own.

    Raises ValueError, one sentence, where that cannot be written to.
    """
    place = Path(environment.get(variable) or own_folder() / "served")
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        raise ValueError(
            f"The folder {place} cannot be written to: set {variable} to a folder of yours, or unset it."
        ) from None
    environment[variable] = str(place)
