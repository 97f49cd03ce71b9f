"""Set up GANatomy and start it. Needs Python 3.10, 3.11 or 3.12 and nothing else.

    python start.py [arguments]        open the page (arguments go to app.py)
    python start.py test [arguments]   run the tests (arguments go to pytest)
    python start.py setup [--dev]      only set up; --dev adds what the tests need

HOST and PORT in the environment choose where the page listens.

Packages go into the virtual environment that is active, if one is, and
otherwise into .venv next to this file. A torch that is already there is never
replaced. pip's own settings (PIP_INDEX_URL, pip.conf, ...) are honoured.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OLDEST, NEWEST = (3, 10), (3, 12)
REQUIREMENTS = {"app": "requirements.txt", "dev": "requirements-dev.txt"}

# Run by the environment's own Python: what is in there?
PROBE = """
import importlib.metadata, importlib.util, json, sys
try:
    torch = importlib.metadata.version("torch") or ""
except importlib.metadata.PackageNotFoundError:
    torch = ""
print(json.dumps({"version": sys.version_info[:3], "prefix": sys.prefix,
                  "torch": torch, "pip": bool(importlib.util.find_spec("pip"))}))
"""

BROWSER_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PLACES = (
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

# What pip prints when ... (looked for in its error output, first match wins)
PIP_TROUBLES = (
    ("disk", ("No space left on device", "Errno 28", "WinError 112")),
    ("rights", ("Permission denied", "Errno 13", "Read-only file system", "WinError 5]")),
    (
        "network",
        (
            "Failed to establish a new connection",
            "NameResolutionError",
            "name resolution",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ProxyError",
            "SSLError",
            "Connection broken",
            "Max retries exceeded",
            "ConnectionResetError",
            "Connection aborted",
        ),
    ),
    ("missing", ("No matching distribution found",)),
)


class SetupError(Exception):
    """Something the user can act on; its text is shown without a traceback."""


def say(text):
    print(text, flush=True)


# --- Which Python -------------------------------------------------------------


def version_problem(version, name):
    """A sentence when this Python cannot run GANatomy, otherwise an empty text."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return ""
    have = ".".join(str(part) for part in version[:3])
    how = "py -3.12 start.py" if os.name == "nt" else "python3.12 start.py"
    return (
        f"{name} is Python {have}, and GANatomy works with 3.10, 3.11 and 3.12.\n"
        f"Run it with one of those, for example:  {how}\n"
        "Get one from https://www.python.org/downloads/ or your package manager."
    )


def in_environment(environ, prefix, base_prefix):
    """Is the running Python in an active virtual or conda environment?

    conda's `base` does not count: other tools live there.
    """
    if prefix != base_prefix:
        return True
    conda = environ.get("CONDA_PREFIX")
    if not conda or environ.get("CONDA_DEFAULT_ENV") == "base":
        return False
    return os.path.realpath(conda) == os.path.realpath(prefix)


def venv_python(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(folder):
    """Create the virtual environment, leaving nothing half-made behind."""
    say(f"Creating the virtual environment {folder} ...")
    existed = folder.exists()
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode == 0:
        return
    if not existed:
        shutil.rmtree(folder, ignore_errors=True)
    raise SetupError(venv_problem(done.stdout, folder))


def venv_problem(output, folder):
    kind = trouble_kind(output)
    if kind in ("disk", "rights"):
        return pip_problem(output, "a virtual environment", folder)
    if "ensurepip" in output or "No module named venv" in output:
        package = f"python3.{sys.version_info[1]}-venv"
        return (
            "This Python cannot make virtual environments: a part of it is missing.\n"
            f"On Debian or Ubuntu:  sudo apt-get install {package}\n"
            "Then run the same command again."
        )
    return f"The virtual environment {folder} could not be created. Python said:\n{output.strip()}"


def choose_python():
    """The Python to install into and run with: the active environment's or .venv's."""
    if in_environment(os.environ, sys.prefix, sys.base_prefix):
        return Path(sys.executable)
    folder = ROOT / ".venv"
    python = venv_python(folder)
    if not os.path.lexists(python):  # a dead link is a broken environment, not a missing one
        problem = version_problem(sys.version_info, sys.executable)
        if problem:
            raise SetupError(problem)
        make_venv(folder)
    return python


def look_into(python):
    """Version, prefix, torch and pip of that environment."""
    try:
        done = subprocess.run([str(python), "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = json.loads(done.stdout)
    except (OSError, ValueError):
        raise SetupError(
            f"The Python in this environment does not run: {python}\n"
            "Delete that environment's folder and run the same command "
            "again; a new one is made."
        ) from None
    problem = version_problem(found["version"], str(python))
    if problem and Path(found["prefix"]) == ROOT / ".venv":
        problem += "\nDelete the .venv folder first: it belongs to the wrong Python."
    if problem:
        raise SetupError(problem)
    return found


# --- Which packages -----------------------------------------------------------


def read_requirements(path):
    """The requirements in a file, with `-r other.txt` followed and comments dropped."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("-r "):
            found += read_requirements(path.parent / line[3:].strip())
        elif line:
            found.append(line)
    return found


def split_torch(requirements):
    """(the line for torch, all other lines)."""
    torch = [line for line in requirements if re.match(r"torch\b(?!-)", line)]
    return torch[0], [line for line in requirements if line not in torch]


def in_range(version, requirement):
    """Is version, such as 2.11.0+cpu, inside a range such as torch>=2.10,<2.14?"""
    numbers = r"(\d+)\.(\d+)"
    have = re.match(numbers, version)
    low, high = re.search(">=" + numbers, requirement), re.search("<" + numbers, requirement)
    if not (have and low and high):
        return True
    pair = [tuple(map(int, match.groups())) for match in (low, have, high)]
    return pair[0] <= pair[1] < pair[2]


# --- The stamp: nothing changed, so nothing to install --------------------------


def stamp_text(kind, version, root=ROOT):
    """What the stamp file must hold: a hash of the requirements and the Python version."""
    lines = read_requirements(root / REQUIREMENTS[kind])
    lines.append(".".join(str(part) for part in version))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def stamp_path(kind, prefix):
    return Path(prefix) / f"ganatomy-{kind}.stamp"


def is_fresh(kind, found, root=ROOT):
    path = stamp_path(kind, found["prefix"])
    return path.is_file() and path.read_text() == stamp_text(kind, found["version"], root)


def write_stamps(kind, found, root=ROOT):
    """Installing for `dev` has installed everything for `app` as well."""
    for each in ("app", "dev") if kind == "dev" else ("app",):
        stamp_path(each, found["prefix"]).write_text(stamp_text(each, found["version"], root))


# --- Installing -----------------------------------------------------------------


def has_gpu():
    """Does nvidia-smi run and list a GPU?"""
    program = shutil.which("nvidia-smi")
    if not program:
        return False
    try:
        done = subprocess.run([program, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "GPU " in done.stdout


def cpu_index_answers(timeout=5):
    try:
        with urllib.request.urlopen(CPU_INDEX + "/torch/", timeout=timeout):
            return True
    except (OSError, ValueError):
        return False


def torch_sources(gpu=has_gpu, answers=cpu_index_answers):
    """Where to get torch: (what to tell the user, pip arguments), best first."""
    if gpu():
        return [("An NVIDIA GPU is here: torch with CUDA (several GB)", [])]
    default = ("torch from pip's default index (on Linux it may be several GB)", [])
    if not answers():
        say("PyTorch's index of CPU builds does not answer.")
        return [default]
    return [("No NVIDIA GPU found: torch for the CPU (about 200 MB)", ["--index-url", CPU_INDEX]), default]


def run_pip(python, arguments):
    """Run `pip install`; returns (succeeded, what it said on its error output)."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *arguments]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr:
            sys.stderr.write(line)
            said.append(line)
    return process.returncode == 0, "".join(said)


def trouble_kind(said):
    for kind, marks in PIP_TROUBLES:
        if any(mark in said for mark in marks):
            return kind
    return ""


def pip_problem(said, what, where):
    """What went wrong, and what to do about it."""
    return {
        "disk": f"The disk is full, so {what} could not be installed in {where}.\n"
        "Make room (about 2 GB, or 8 GB with CUDA) and run the same command "
        "again.\nWhat was installed already is kept.",
        "rights": f"Installing {what} failed: {where} may not be written to.\n"
        "Run from a folder that is yours, or in an environment that is yours.",
        "network": f"The package index could not be reached, so {what} could not be "
        "installed.\nCheck the network; behind a proxy set HTTPS_PROXY, with "
        "a mirror set PIP_INDEX_URL.\nThen run the same command again.",
        "missing": f"pip found no build of {what} for this computer "
        f"({platform.system()} {platform.machine()}).\ntorch has builds for "
        "Linux with glibc, Windows, and Macs with Apple silicon.\nOn one of "
        "those, check the network, or that your mirror has the package.",
        "": f"pip could not install {what}; its own words are above.\n"
        "Put right what it names and run the same command again.",
    }[trouble_kind(said)]


def install_torch(python, requirement, where, pip=run_pip, sources=torch_sources):
    """Install torch from the first source that works."""
    for story, arguments in sources():
        say(story + " ...")
        succeeded, said = pip(python, [*arguments, requirement])
        if succeeded:
            return
        if trouble_kind(said) in ("disk", "rights"):
            break
    raise SetupError(pip_problem(said, "torch", where))


def install_all(python, found, kind, pip=run_pip, sources=torch_sources, look=look_into):
    """torch first, if there is none; then the rest, holding torch where it is."""
    torch, others = split_torch(read_requirements(ROOT / REQUIREMENTS[kind]))
    where = found["prefix"]
    if not found["torch"]:
        install_torch(python, torch, where, pip, sources)
        found = look(python)
    elif not in_range(found["torch"], torch):
        say(
            f"This environment has torch {found['torch']}; GANatomy is made for {torch}.\n"
            "It is left as it is. If the page fails, use an environment of its own."
        )
    say(f"Installing the other packages into {where} (a minute or two) ...")
    succeeded, said = pip(python, ["--quiet", *others, f"torch=={found['torch']}"])
    if not succeeded:
        raise SetupError(pip_problem(said, "the packages", where))


def ensure_pip(python, found):
    """Some tools make environments without pip; Python can add it."""
    if found["pip"]:
        return
    done = subprocess.run(
        [str(python), "-m", "ensurepip", "--default-pip"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SetupError(
            f"The environment {found['prefix']} has no pip and Python could "
            "not add it.\nDelete that folder and run the same command again.\n"
            + venv_problem(done.stdout, found["prefix"])
        )


def set_up(kind, force=False):
    """Make the environment ready; returns its Python."""
    python = choose_python()
    found = look_into(python)
    if force or not is_fresh(kind, found):
        ensure_pip(python, found)
        install_all(python, found, kind)
        write_stamps(kind, found)
    return python


# --- The browser for the tests ----------------------------------------------------


def find_browser(which=shutil.which, exists=os.path.isfile):
    """The path of Chromium or Google Chrome, or an empty text."""
    for name in BROWSER_NAMES:
        path = which(name)
        if path:
            return path
    places = [os.path.expandvars(place) for place in BROWSER_PLACES]
    return next((place for place in places if exists(place)), "")


def apt_install_chromium():
    """Only as root with apt-get (a container, a CI machine); says when it fails."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    say("Installing Chromium for the browser tests ...")
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["update"], ["install", "-y", "chromium"]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environ, stdout=subprocess.DEVNULL)
        if done.returncode:
            say(f"apt-get {command[0]} failed.")


def boxed(text):
    lines = text.splitlines()
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 2) + "+"
    return "\n".join([edge, *(f"| {line:<{width}} |" for line in lines), edge])


def provide_browser():
    if not find_browser():
        apt_install_chromium()
    if not find_browser():
        say(boxed(NO_BROWSER))


# --- Running ----------------------------------------------------------------------


def launch(python, arguments):
    """Run Python with these arguments in place of this program."""
    command = [str(python), *arguments]
    # PyTorch's threads then wait for each other a short while and sleep. By
    # default they spin, and a busy machine draws several times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reaches the page as well: let it close itself


def run(arguments):
    command = arguments[0] if arguments else ""
    if command in ("-h", "--help"):
        say(__doc__.strip())
        return 0
    if command == "setup":
        if arguments[1:] not in ([], ["--dev"]):
            raise SetupError("`setup` knows only one argument: --dev")
        python = set_up("dev" if arguments[1:] else "app", force=True)
        say(f"Ready. Packages are in the environment of {python}")
        return 0
    if command == "test":
        python = set_up("dev")
        provide_browser()
        os.chdir(ROOT)
        return launch(python, ["-m", "pytest", *arguments[1:]])
    return launch(set_up("app"), [str(ROOT / "app.py"), *arguments])


def main(arguments):
    """Run, turning every failure into sentences and an exit code."""
    try:
        return run(arguments)
    except SetupError as error:
        problem = str(error)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except OSError as error:
        full = error.errno == errno.ENOSPC
        problem = (
            "The disk is full. Make room and run the same command again." if full else f"The system refused: {error}"
        )
    print(f"\nGANatomy could not start.\n{problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
