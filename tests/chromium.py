"""Chromium for the tests that open the page: where it is, and what to do where there is none.

`main` looks for it, installs it where apt-get may, and says so where none is found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

# The headless shell is Chromium without a window's frame: a page opens a third faster in it.
NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
)
NO_BROWSER = """\
NO BROWSER FOUND: the tests that open the page will be SKIPPED
(or, where CI=true is set, will FAIL).
The other tests run as usual. To run them all, install Chromium
or Google Chrome and start the tests again:
  Debian:         sudo apt-get install chromium
  Ubuntu:         sudo snap install chromium
  Fedora:         sudo dnf install chromium
  macOS:          brew install --cask google-chrome
  Windows:        winget install Google.Chrome"""


def find_chromium(
    which: Callable[[str], str | None] = shutil.which, exists: Callable[[str], bool] = os.path.isfile
) -> str:
    """The path of Chromium or Google Chrome, or an empty text."""
    for name in NAMES:
        path = which(name)
        if path:
            return path
    places = [os.path.expandvars(place) for place in PLACES]
    return next((place for place in places if exists(place)), "")


def install_chromium() -> None:
    """Only as root with apt-get (a container, a CI machine); says when it fails."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    print("Installing Chromium for the browser tests ...", flush=True)
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["update"], ["install", "-y", "chromium-headless-shell"], ["install", "-y", "chromium"]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environ, stdout=subprocess.DEVNULL)
        if find_chromium():
            return
        if done.returncode:
            print(f"apt-get {' '.join(command)} failed.", flush=True)


def boxed(text: str) -> str:
    lines = text.splitlines()
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 2) + "+"
    return "\n".join([edge, *(f"| {line:<{width}} |" for line in lines), edge])


def main() -> None:
    if not find_chromium():
        install_chromium()
    if not find_chromium():
        print(boxed(NO_BROWSER), flush=True)
