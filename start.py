"""Set up GANatomy and start it. Needs a Python that pyproject.toml allows, and nothing else.

    python start.py [arguments]        open the page (arguments go to app.py)
    python start.py test [arguments]   run the tests (arguments go to pytest)
    python start.py setup [--dev]      only set up; --dev adds what the tests need

HOST and PORT in the environment choose where the page listens.
Packages go into the virtual environment that is active, if one is, and otherwise into .venv next to this file.
A torch that is already there is never replaced. uv installs them where it is on the path, otherwise pip does; and
pip does where its settings (PIP_INDEX_URL, pip.conf, ...) say where packages come from, which uv does not read.
"""

import functools
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
APP, DEV = ("requirements.txt",), ("requirements.txt", "requirements-dev.txt")
# Run by the environment's own Python: what is in there?
PROBE = """
import importlib.metadata as metadata, importlib.util as util, json, sys
print(json.dumps({"version": sys.version_info[:3], "prefix": sys.prefix, "pip": bool(util.find_spec("pip")),
                  "torch": next((found.version or "" for found in metadata.distributions(name="torch")), "")}))
"""

# What pip, uv or Python print, what it means, and what to do about it; the first that fits.
DISK = "No space left on device|Errno 28|WinError 112|os error 112"
RIGHTS = r"Permission denied|Errno 13|Read-only file system|WinError 5\]|os error 5\)"
TROUBLES = {
    DISK: "The disk is full, so {what} could not be installed in {where}.\n"
    "Make room (about 2 GB, or 8 GB with CUDA) and run the same command again.\nWhat was installed already is kept.",
    RIGHTS: "Installing {what} failed: {where} may not be written to.\n"
    "Run from a folder that is yours, or in an environment that is yours.",
    "Failed to establish a new connection|[Nn]ame ?[Rr]esolution|(Connect|Read)TimeoutError|ProxyError|SSLError|"
    "Connection (broken|aborted)|Connection ?[Rr]eset|Max retries exceeded|error sending request|Failed to fetch": ""
    "The package index could not be reached, so {what} could not be installed.\nCheck the network; behind a proxy set "
    "HTTPS_PROXY, with a mirror set PIP_INDEX_URL.\nThen run the same command again.",
    "No matching distribution|no wheels with a matching|not found in the package registry": ""
    "There is no build of {what} for this computer ({system}).\ntorch has builds for Linux with glibc, Windows, and "
    "Macs with Apple silicon.\nOn one of those, check the network, or that your mirror has the package.",
    "ensurepip|No module named venv": "This Python cannot make virtual environments: a part of it is missing.\n"
    "On Debian or Ubuntu:  sudo apt-get install python3.{minor}-venv\nThen run the same command again.",
    "": "Installing {what} in {where} failed; the reason is in the lines above.\n"
    "Put right what they name and run the same command again.",
}

say = functools.partial(print, flush=True)


class SetupError(Exception):
    """Something the user can act on: what to tell them and, where a program failed, all that it said."""


def tried(command, stderr=subprocess.STDOUT, timeout=None):
    """Run a short command; returns (succeeded, what it said)."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, timeout=timeout, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, done.stdout


def pythons():
    """The Pythons that GANatomy is tested with, each (major, minor), oldest first, as pyproject.toml says them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (\d+)\.(\d+)"', text)
    return sorted((int(major), int(minor)) for major, minor in named)


def too_old(python, version):
    """What to say of a Python that is older than all in pyproject.toml."""
    (major, oldest), *_, (_, newest) = pythons()
    return (
        f"{python} is Python {'.'.join(map(str, version[:3]))}, and GANatomy needs {major}.{oldest} or newer.\n"
        f"Run it with such a one, for example:  {'py -' if os.name == 'nt' else 'python'}{major}.{newest} start.py\n"
        "Get one from https://www.python.org/downloads/ or your package manager."
    )


def base_python():
    """What .venv is made with: the Python that runs this or, if it is too old, the newest on the path that runs."""
    on_path = [shutil.which("python{}.{}".format(*version)) for version in reversed(pythons())]
    for python in filter(None, [sys.executable, *on_path]):
        if tried([python, "-c", f"import sys; sys.exit(sys.version_info < {pythons()[0]})"])[0]:
            return python
    raise SetupError(too_old(sys.executable, sys.version_info))


def environment(folder, base=base_python):
    """The Python of the virtual environment in this folder; where there is none, one is made with `base()`."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if os.path.lexists(python):  # a dead link is a broken environment, not a missing one
        return python
    existed, uv, chosen = folder.exists(), shutil.which("uv"), base()
    command = [uv, "venv", "--quiet", "--allow-existing", "--python", chosen] if uv else [chosen, "-m", "venv"]
    say(f"Creating the virtual environment {folder} ...")
    try:
        install([*command, str(folder)], "a virtual environment", folder, subprocess.STDOUT, subprocess.PIPE)
    except BaseException:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return python


def choose_python():
    """The Python to install into: the active environment's (conda's `base`, which is shared, is not one) or .venv's."""
    conda = os.environ.get("CONDA_PREFIX") if os.environ.get("CONDA_DEFAULT_ENV") != "base" else None
    in_conda = conda and os.path.realpath(conda) == os.path.realpath(sys.prefix)
    return Path(sys.executable) if in_conda or sys.prefix != sys.base_prefix else environment(ROOT / ".venv")


def look_into(python):
    """Version, prefix, torch and pip of that environment."""
    runs, said = tried([str(python), "-c", PROBE], stderr=subprocess.DEVNULL)
    found = json.loads(said) if runs else {}
    if runs and tuple(found["version"][:2]) >= pythons()[0]:
        return found
    trouble = too_old(python, found["version"]) if runs else f"The Python in this environment does not run: {python}"
    again = "Delete that environment if start.py made it and run the same command again; a new one is made."
    raise SetupError(f"{trouble}\n{again}")


def requirements(*names):
    """The lines of these files that name packages, without comments; where PyTorch comes from is decided here."""
    lines = [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line[:1] not in ("", "-")]


def install(command, what, where, stderr=subprocess.PIPE, stdout=None):
    """Run an installer, showing what it says in a pipe. Raises SetupError, which says what to do, where it fails."""
    said = ""
    with subprocess.Popen(command, stdout=stdout, stderr=stderr, errors="replace") as process:
        for line in process.stdout or process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            said += line
    if process.returncode:
        advice = next(advice for marks, advice in TROUBLES.items() if re.search(marks, said))
        names = {"what": what, "where": where, "system": platform.platform(), "minor": sys.version_info[1]}
        raise SetupError(advice.format(**names), said)


def installer(python, found):
    """The command that installs there: uv's, unless pip (in its files or the environment) is told what uv is not."""
    uv, (_, listed) = shutil.which("uv"), tried([sys.executable, "-m", "pip", "config", "list"])
    told = r"(?im)^([\w:-]*\.|PIP_)[\w-]*(INDEX|LINKS|CONSTRAINT|PROXY|CERT|TRUSTED)"
    if uv and not re.search(told, "\n".join([listed, *os.environ])):
        return [uv, "pip", "install", "--python", str(python)]
    if not found["pip"]:
        install([str(python), "-m", "ensurepip", "--default-pip"], "pip", found["prefix"])
    return [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]


def torch_sources():
    """Where to get torch: (what to tell the user, arguments of the installer), best first."""
    succeeded, said = tried(["nvidia-smi", "-L"], timeout=20)
    if succeeded and "GPU " in said:
        return [("An NVIDIA GPU is here: torch with CUDA (several GB)", [])]
    default = ("torch from the default index (on Linux it may be several GB)", [])
    try:
        urllib.request.urlopen(CPU_INDEX + "/torch/", timeout=5).close()
    except (OSError, ValueError):
        say("PyTorch's index of CPU builds does not answer.")
        return [default]
    return [("No NVIDIA GPU found: torch for the CPU (about 200 MB)", ["--index-url", CPU_INDEX]), default]


def install_torch(command, requirement, where):
    """Install torch from the first source that works; a full disk is full for all of them."""
    for story, arguments in torch_sources():
        say(story + " ...")
        try:
            return install([*command, *arguments, requirement], "torch", where)
        except SetupError as error:
            if not arguments or re.search(f"{DISK}|{RIGHTS}", error.args[-1]):
                raise


def in_range(version, requirement):
    """Is version, such as 2.11.0+cpu, inside a range such as torch>=2.10,<2.14 or torch==2.10?"""
    pairs = re.findall(r"(\d+)\.(\d+)[^,]*", f"{version},{requirement}")
    have, low, *high = (tuple(map(int, pair)) for pair in pairs)
    return low <= have and (not high or have < high[0])


def install_all(python, found, lines):
    """torch first, if there is none; then the rest, holding torch where it is."""
    torch = next(line for line in lines if re.match(r"torch\b(?!-)", line))
    command, where = installer(python, found), found["prefix"]
    if not found["torch"]:
        install_torch(command, torch, where)
        found = look_into(python)
    elif not in_range(found["torch"], torch):
        say(f"This environment has torch {found['torch']}; GANatomy is made for {torch}.")
        say("It is left as it is. If the page fails, use an environment of its own.")
    say(f"Installing the other packages into {where} (a minute or two) ...")
    held = [f"torch=={found['torch']}" if line == torch else line for line in lines]
    install([*command, "--quiet", *held], "the packages", where)


def prepare(python, lines, force=False):
    """Install these requirements for this Python, unless its environment's stamp names them all; returns the Python."""
    found, newest = look_into(python), pythons()[-1]
    if tuple(found["version"][:2]) > newest:
        have, tested = ("{}.{}".format(*version) for version in (found["version"], newest))
        say(f"Python {have} is newer than {tested}, the last that GANatomy was tested with; if it fails, use {tested}.")
    stamp, wanted = Path(found["prefix"], "ganatomy.stamp"), ["Python " + ".".join(map(str, found["version"])), *lines]
    installed = stamp.read_text(encoding="utf-8").splitlines() if stamp.is_file() else []
    if force or not set(wanted) <= set(installed):
        install_all(python, found, lines)
        stamp.write_text("\n".join(wanted), encoding="utf-8")
    return python


def launch(python, arguments):
    """Run Python with these arguments in place of this program."""
    command = [str(python), *arguments]
    # PyTorch's waiting threads then sleep soon. By default they spin, and a busy machine draws several times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if os.name != "nt":
        os.execv(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the page as well: let it close itself
    return subprocess.call(command)


def run(arguments):
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in ("-h", "--help"):
        say(__doc__.strip())
    elif command == "setup":
        if rest not in ([], ["--dev"]):
            raise SetupError("`setup` knows only one argument: --dev")
        python = prepare(choose_python(), requirements(*DEV if rest else APP), force=True)
        say(f"Ready. Packages are in the environment of {python}")
    elif command == "test":
        python = prepare(choose_python(), requirements(*DEV))
        os.chdir(ROOT)
        return launch(python, ["-m", "tests", *rest])
    else:
        return launch(prepare(choose_python(), requirements(*APP)), [str(ROOT / "app.py"), *arguments])
    return 0


def guarded(run, arguments):
    """Run, turning every failure into sentences and an exit code."""
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except SetupError as error:
        sentence = error.args[0]
    except OSError as error:
        full = "The disk is full. Make room and run the same command again."
        sentence = full if re.search(DISK, str(error)) else f"The system refused: {error}"
    print(f"\nGANatomy could not start.\n{sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a folder's name may have letters that the terminal cannot write
    sys.exit(guarded(run, sys.argv[1:]))
