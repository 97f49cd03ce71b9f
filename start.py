"""Set up GANatomy and start it. Needs a Python that pyproject.toml allows, and nothing else.

    python start.py [arguments]        open the page (arguments go to app.py)
    python start.py test [arguments]   run the tests (arguments go to pytest)
    python start.py setup [--dev]      only set up; --dev adds what the tests need

HOST and PORT in the environment choose where the page listens.

Packages go into the virtual environment that is active, if one is, and otherwise into .venv next to this file.
A torch that is already there is never replaced. uv installs them where it is on the path, otherwise pip does; and
pip does where its settings (PIP_INDEX_URL, pip.conf, ...) say where packages come from, which uv does not read.
"""

import errno
import functools
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
APP, DEV = ("requirements.txt",), ("requirements.txt", "requirements-dev.txt")
UV_LACKS = "INDEX|LINKS|CONSTRAINT|PROXY|CERT|TRUSTED"  # in names of pip's settings: what uv would have to know

# Run by the environment's own Python: what is in there?
PROBE = """
import importlib.metadata as metadata, importlib.util as util, json, sys
print(json.dumps({"version": sys.version_info[:3], "prefix": sys.prefix, "pip": bool(util.find_spec("pip")),
                  "torch": next((found.version or "" for found in metadata.distributions(name="torch")), "")}))
"""

# What pip, uv or Python print, what it means, and what to do about it; the first that fits.
DISK = "No space left on device|Errno 28|WinError 112|os error 112"
RIGHTS = r"Permission denied|Errno 13|Read-only file system|WinError 5\]|os error 5\)"
NETWORK = (
    "Failed to establish a new connection|[Nn]ame ?[Rr]esolution|ConnectTimeoutError|ReadTimeoutError|ProxyError|"
    "SSLError|Connection broken|Max retries exceeded|Connection ?[Rr]eset|Connection aborted|error sending request|"
    "Failed to fetch"
)
TROUBLES = {
    DISK: "The disk is full, so {what} could not be installed in {where}.\n"
    "Make room (about 2 GB, or 8 GB with CUDA) and run the same command again.\nWhat was installed already is kept.",
    RIGHTS: "Installing {what} failed: {where} may not be written to.\n"
    "Run from a folder that is yours, or in an environment that is yours.",
    NETWORK: "The package index could not be reached, so {what} could not be installed.\n"
    "Check the network; behind a proxy set HTTPS_PROXY, with a mirror set PIP_INDEX_URL.\n"
    "Then run the same command again.",
    "No matching distribution|no wheels with a matching|not found in the package registry": ""
    "There is no build of {what} for this computer ({system}).\n"
    "torch has builds for Linux with glibc, Windows, and Macs with Apple silicon.\n"
    "On one of those, check the network, or that your mirror has the package.",
    "ensurepip|No module named venv": "This Python cannot make virtual environments: a part of it is missing.\n"
    "On Debian or Ubuntu:  sudo apt-get install {venv}\nThen run the same command again.",
    "": "Installing {what} in {where} failed; the reason is in the lines above.\n"
    "Put right what they name and run the same command again.",
}

say = functools.partial(print, flush=True)


class SetupError(Exception):
    """Something the user can act on; its text is shown without a traceback."""


def problem(said, what, where):
    """What went wrong when a program said this, and what to do about it."""
    advice = next(advice for marks, advice in TROUBLES.items() if re.search(marks, said))
    system, venv = f"{platform.system()} {platform.machine()}", f"python3.{sys.version_info[1]}-venv"
    return advice.format(what=what, where=where, system=system, venv=venv)


def tried(command, **options):
    """Run a short command; returns (succeeded, what it said)."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace"}
    try:
        done = subprocess.run([str(part) for part in command], **{**pipes, **options})
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, done.stdout


# --- Which Python


def python_range():
    """(the oldest Python that works, the newest that was tested), each (major, minor), as pyproject.toml says them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'requires-python = ">=(\d+)\.(\d+)"', text).groups()
    tested = re.findall(r'"Programming Language :: Python :: (\d+)\.(\d+)"', text)
    return tuple(map(int, oldest)), max(tuple(map(int, version)) for version in tested)


def version_problem(version, name):
    """A sentence when this Python is too old for GANatomy, otherwise an empty text."""
    (major, oldest), (_, newest) = python_range()
    if tuple(version[:2]) >= (major, oldest):
        return ""
    how = f"py -{major}.{newest} start.py" if os.name == "nt" else f"python{major}.{newest} start.py"
    return (
        f"{name} is Python {'.'.join(map(str, version[:3]))}, and GANatomy needs {major}.{oldest} or newer.\n"
        f"Run it with such a one, for example:  {how}\n"
        "Get one from https://www.python.org/downloads/ or your package manager."
    )


def version_warning(version):
    """A sentence when this Python is newer than all that were tested, otherwise an empty text."""
    newest = python_range()[1]
    if tuple(version[:2]) <= newest:
        return ""
    have, tested = (".".join(map(str, pair[:2])) for pair in (version, newest))
    return f"Python {have} is newer than {tested}, the last that GANatomy was tested with; if it fails, use {tested}."


def in_environment(environ, prefix, base_prefix):
    """Is the running Python in an active virtual or conda environment? conda's `base` does not count: it is shared."""
    conda = environ.get("CONDA_PREFIX") if environ.get("CONDA_DEFAULT_ENV") != "base" else None
    return prefix != base_prefix or bool(conda and os.path.realpath(conda) == os.path.realpath(prefix))


def python_on_path(versions):
    """The first of these (major, minor) on the path that truly runs (a shim may not), or None."""
    names = (shutil.which(f"python{major}.{minor}") for major, minor in versions)
    return next((name for name in names if name and tried([name, "-c", ""])[0]), None)


def base_python():
    """What .venv is made with: the Python that runs this or, if it is too old, the newest on the path."""
    too_old = version_problem(sys.version_info, sys.executable)
    (major, oldest), (_, newest) = python_range()
    found = python_on_path((major, minor) for minor in range(newest, oldest - 1, -1)) if too_old else sys.executable
    if not found:
        raise SetupError(too_old)
    return found


def venv_python(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(folder, python):
    """Create the virtual environment, leaving nothing half-made behind."""
    say(f"Creating the virtual environment {folder} ...")
    existed, uv = folder.exists(), find_uv(folder)
    command = [uv, "venv", "--allow-existing", "--python", python] if uv else [python, "-m", "venv"]
    succeeded, said = tried([*command, folder])
    if not succeeded:
        print(said, file=sys.stderr)
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise SetupError(problem(said, "a virtual environment", folder))


def choose_python():
    """The Python to install into and run with: the active environment's or .venv's."""
    if in_environment(os.environ, sys.prefix, sys.base_prefix):
        return Path(sys.executable)
    folder = ROOT / ".venv"
    if not os.path.lexists(venv_python(folder)):  # a dead link is a broken environment, not a missing one
        make_venv(folder, base_python())
    return venv_python(folder)


def look_into(python):
    """Version, prefix, torch and pip of that environment."""
    succeeded, said = tried([python, "-c", PROBE], stderr=subprocess.DEVNULL)
    again = "Delete that environment's folder and run the same command again; a new one is made."
    if not succeeded:
        raise SetupError(f"The Python in this environment does not run: {python}\n{again}")
    found = json.loads(said)
    too_old = version_problem(found["version"], python)
    if too_old:
        raise SetupError(f"{too_old}\n{again}" if Path(found["prefix"]) == ROOT / ".venv" else too_old)
    return found


# --- Which packages


def requirements(*names):
    """The lines of these files, without comments."""
    lines = [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line]


def split_torch(lines):
    """(the line for torch, all other lines)."""
    torch = next(line for line in lines if re.match(r"torch\b(?!-)", line))
    return torch, [line for line in lines if line != torch]


def in_range(version, requirement):
    """Is version, such as 2.11.0+cpu, inside a range such as torch>=2.10,<2.14 or torch==2.10?"""
    low, *high = re.findall(r"(\d+)\.(\d+)", requirement)
    have, low, high = (tuple(map(int, pair)) for pair in (re.findall(r"\d+", version)[:2], low, *high, (99, 0))[:3])
    return low <= have < high


def stamp(lines, found):
    """(a file in the environment, what it says once these requirements are installed there)."""
    version = ".".join(map(str, found["version"]))
    return Path(found["prefix"], "ganatomy.stamp"), "\n".join([f"Python {version}", *lines])


def is_fresh(lines, found):
    """Does the stamp name all of these requirements? Then there is nothing to install."""
    path, text = stamp(lines, found)
    return path.is_file() and set(text.splitlines()) <= set(path.read_text(encoding="utf-8").splitlines())


# --- Installing


def pip_files(prefix):
    """Where pip looks for its settings on any system (its guide, "Configuration")."""
    config, name = os.environ.get, "pip.ini" if os.name == "nt" else "pip.conf"
    shared = config("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    own = [config("XDG_CONFIG_HOME", "~/.config"), "~/Library/Application Support", "%AppData%", "~"]
    folders = [*shared, *own, "/Library/Application Support", "/opt/homebrew/share", "%ProgramData%"]
    files = [f"{folder}/pip/{name}" for folder in folders] + [f"/etc/{name}", f"~/.pip/{name}", f"{prefix}/{name}"]
    return [os.path.expanduser(os.path.expandvars(file)) for file in [*files, config("PIP_CONFIG_FILE", "")]]


def find_uv(prefix):
    """The path of uv where it does what pip would do: where pip's settings name nothing that uv does not know."""
    files = [Path(file) for file in pip_files(prefix) if os.path.isfile(file) and os.access(file, os.R_OK)]
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    lines += [name[len("PIP_") :] for name in os.environ if name.startswith("PIP_")]
    told = any(re.match(rf"[\w-]*({UV_LACKS})", line, re.IGNORECASE) for line in lines)
    return None if told else shutil.which("uv")


def installer(python, found):
    """The command that installs into this environment."""
    uv = find_uv(found["prefix"])
    if uv:
        return [uv, "pip", "install", "--python", str(python)]
    succeeded, said = (True, "") if found["pip"] else tried([python, "-m", "ensurepip", "--default-pip"])
    if not succeeded:
        raise SetupError(
            f"The environment {found['prefix']} has no pip and Python could not add it.\n"
            f"Delete that folder and run the same command again.\n{problem(said, 'pip', found['prefix'])}"
        )
    return [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]


def install(command, arguments):
    """Run an installer; returns (succeeded, what it said on its error output)."""
    said = []
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, errors="replace") as process:
        for line in process.stderr:
            sys.stderr.write(line)
            said.append(line)
    return process.returncode == 0, "".join(said)


def has_gpu():
    """Does nvidia-smi run and list a GPU?"""
    succeeded, said = tried(["nvidia-smi", "-L"], timeout=20)
    return succeeded and "GPU " in said


def cpu_index_answers(timeout=5):
    try:
        with urllib.request.urlopen(CPU_INDEX + "/torch/", timeout=timeout):
            return True
    except (OSError, ValueError):
        return False


def torch_sources(gpu=has_gpu, answers=cpu_index_answers):
    """Where to get torch: (what to tell the user, arguments of the installer), best first."""
    if gpu():
        return [("An NVIDIA GPU is here: torch with CUDA (several GB)", [])]
    default = ("torch from the default index (on Linux it may be several GB)", [])
    if not answers():
        say("PyTorch's index of CPU builds does not answer.")
        return [default]
    return [("No NVIDIA GPU found: torch for the CPU (about 200 MB)", ["--index-url", CPU_INDEX]), default]


def install_torch(command, requirement, where, run=install, sources=torch_sources):
    """Install torch from the first source that works."""
    for story, arguments in sources():
        say(story + " ...")
        succeeded, said = run(command, [*arguments, requirement])
        if succeeded:
            return
        if re.search(f"{DISK}|{RIGHTS}", said):
            break
    raise SetupError(problem(said, "torch", where))


def install_all(python, found, lines, run=install, sources=torch_sources, look=look_into):
    """torch first, if there is none; then the rest, holding torch where it is."""
    torch, others = split_torch(lines)
    command, where = installer(python, found), found["prefix"]
    if not found["torch"]:
        install_torch(command, torch, where, run, sources)
        found = look(python)
    elif not in_range(found["torch"], torch):
        say(
            f"This environment has torch {found['torch']}; GANatomy is made for {torch}.\n"
            "It is left as it is. If the page fails, use an environment of its own."
        )
    say(f"Installing the other packages into {where} (a minute or two) ...")
    succeeded, said = run(command, ["--quiet", *others, f"torch=={found['torch']}"])
    if not succeeded:
        raise SetupError(problem(said, "the packages", where))


def prepare(python, lines, force=False):
    """Install these requirements into this Python's environment, unless they are there already; returns the Python."""
    found = look_into(python)
    warning = version_warning(found["version"])
    if warning:
        say(warning)
    if force or not is_fresh(lines, found):
        install_all(python, found, lines)
        path, text = stamp(lines, found)
        path.write_text(text, encoding="utf-8")
    return python


# --- Running


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


def launch_tests(python, arguments):
    os.chdir(ROOT)
    subprocess.run([str(python), "-m", "tests.chromium"])
    return launch(python, ["-m", "pytest", *arguments])


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
        return launch_tests(prepare(choose_python(), requirements(*DEV)), rest)
    else:
        return launch(prepare(choose_python(), requirements(*APP)), [str(ROOT / "app.py"), *arguments])
    return 0


def guarded(run, arguments):
    """Run, turning every failure into sentences and an exit code."""
    try:
        return run(arguments)
    except SetupError as error:
        sentence = str(error)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except OSError as error:
        sentence = f"The system refused: {error}"
        if error.errno == errno.ENOSPC:
            sentence = "The disk is full. Make room and run the same command again."
    print(f"\nGANatomy could not start.\n{sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(guarded(run, sys.argv[1:]))
