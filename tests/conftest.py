"""What the tests in a browser stand on: the page as a visitor starts it, and Chromium.

`served` and `chromium` are also what the benchmark of the page and the picture for the README use.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .chromium import NO_BROWSER, find_chromium
from .hub_server import cache, stand_in  # noqa: F401  (fixtures of every test that asks for them)

ROOT = Path(__file__).resolve().parent.parent
# What Playwright switches off: the last such list counts. The last seven make further renderers for every page, which
# draw the frame of a window that nobody sees; the headless shell has no such frame.
FEATURES = (
    "AcceptCHFrame,AutoDeElevate,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "DialMediaRouteProvider,GlobalMediaControls,HttpsUpgrades,LensOverlay,MediaRouter,PaintHolding,"
    "ThirdPartyStoragePartitioning,Translate,PreloadTopChromeWebUI,InitialWebUI,WebUIReloadButton,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,AiModeOmniboxEntryPoint"
)
FLAGS = (
    f"--disable-features={FEATURES}",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
PAGES_OF_THEIR_OWN = ("test_browser_foreign.py", "test_browser_inside.py", "test_browser_networks.py")
PATIENCE = 120  # seconds for the page to answer: a busy machine imports torch slowly


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url: str) -> bool:
    """Does somebody answer there? Proxies of the environment are left aside."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.hookimpl(optionalhook=True)  # only pytest-xdist knows it
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Two workers (tests/__main__.py) share the tests by file; files that open the page of all others count as one.

    Two browsers on two cores gain little, and the page would be started once more.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            together = file.startswith("tests/browser/") and not file.endswith(PAGES_OF_THEIR_OWN)
            return "tests/browser" if together else file

    return ByFile(config, log)


@contextmanager
def served(folder: Path, *options: str, **environment: str) -> Iterator[str]:
    """`python app.py` with `options` on a free port while the block runs: its address, once it answers.

    Everything that it writes lies in `folder`. Raises RuntimeError with what it said where it ends or stays silent.
    """
    port, log = free_port(), folder / "app.log"
    environ = dict(
        os.environ, TMPDIR=str(folder), GRADIO_TEMP_DIR=str(folder / "served"), PYTHONUNBUFFERED="1", **environment
    )
    with open(log, "w", encoding="utf-8") as said:
        command = [sys.executable, str(ROOT / "app.py"), "--host", "127.0.0.1", "--port", str(port), *options]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=subprocess.STDOUT)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not answers(url):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"app.py does not answer; it said:\n{log.read_text(encoding='utf-8')[-3000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def chromium() -> Iterator:
    """The system's Chromium under Playwright. Raises FileNotFoundError, saying how to get one, where there is none."""
    path = find_chromium()
    if not path:
        raise FileNotFoundError(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one small bundled network, see `support.small_model`."""
    from . import support

    support.small_model(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(scope="session")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, started once for all tests."""
    with served(tmp_path_factory.mktemp("page")) as url:
        yield url


@pytest.fixture(scope="module")  # not longer: Playwright's event loop runs in this thread while it is open
def browser() -> Iterator:
    """Chromium; without one the tests are skipped, or fail where CI=true is set."""
    if not find_chromium():
        if os.environ.get("CI") == "true":
            pytest.fail(NO_BROWSER, pytrace=False)
        warnings.warn(NO_BROWSER, stacklevel=1)
        pytest.skip("no browser was found")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(page_url: str) -> str:
    """Where the visits of a module go. A module with networks of its own overrides it."""
    return page_url


@pytest.fixture
def tab():
    """The tab where the visits of a module begin. A module about another one overrides it."""
    from .browser.visits import STEER

    return STEER


@pytest.fixture
def visits(browser, address: str, tab) -> Iterator:
    """See `visits.Visits`: an error on the console, or a request to another machine, fails the test."""
    from .browser.visits import watched

    with watched(browser, address, tab) as made:
        yield made
