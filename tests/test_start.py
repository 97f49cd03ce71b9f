"""start.py decides what to install without touching the network or any environment."""

import ast
import io
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest

import start
import tests.__main__
from tests import lowest

CPU = ["--index-url", start.CPU_INDEX]
REAL_PYTHON = sys.executable
REQUIREMENT = "torch>=2.10,<2.14"


def environment(prefix, torch=""):
    return {"version": [3, 11, 7], "prefix": str(prefix), "torch": torch, "pip": True}


def never(*_):
    raise AssertionError("this may not be called")


def program(folder, name, script="exit 0"):
    """A program of that name in a folder, which is made."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with requirements files, and an environment folder to stamp."""
    (tmp_path / "env").mkdir()
    (tmp_path / "requirements.txt").write_text("# why\ntorch>=2.10,<2.14  # nets\nnumpy\n")
    (tmp_path / "requirements-dev.txt").write_text("pytest\n")
    shutil.copy(start.ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(start, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def quiet_machine(tmp_path, monkeypatch):
    """No setting of pip, and nothing on the path but what the test puts into the folder `bin`.

    What the pip of the Python that runs start.py says of its settings is what the file `settings` says, if it is there.
    """
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    script = f'[ "$*" = "-m pip config list" ] && exec /bin/cat {tmp_path}/settings; exec {sys.executable} "$@"'
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "home", "python", script)))
    return tmp_path


@pytest.fixture
def index(monkeypatch):
    """PyTorch's index of CPU builds answers; the list names what was asked for, and when it would have given up."""
    asked = []
    monkeypatch.setattr(
        urllib.request, "urlopen", lambda url, timeout: asked.append((url, timeout)) or io.BytesIO(b"torch")
    )
    return asked


# Which torch


def sources():
    return [arguments for _, arguments in start.torch_sources()]


def test_with_a_gpu_torch_comes_from_the_default_index(quiet_machine, monkeypatch):
    program(quiet_machine / "bin", "nvidia-smi", "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'")
    monkeypatch.setattr(urllib.request, "urlopen", never)
    assert sources() == [[]]


@pytest.mark.parametrize("script", [None, "echo 'No devices found.'", "echo 'GPU access blocked'; exit 9"])
def test_where_no_gpu_is_listed_torch_comes_from_the_cpu_index_then_the_default(quiet_machine, index, script):
    if script:
        program(quiet_machine / "bin", "nvidia-smi", script)
    assert sources() == [CPU, []]
    assert index == [(start.CPU_INDEX + "/torch/", 5)]


@pytest.mark.parametrize("error", [OSError("Name or service not known"), ValueError("unknown url type")])
def test_when_the_cpu_index_is_down_torch_comes_from_the_default_index(quiet_machine, monkeypatch, capsys, error):
    def unreachable(url, timeout):
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    assert sources() == [[]]
    assert "does not answer" in capsys.readouterr().out


@pytest.fixture
def asked(monkeypatch):
    """What install_all asks of an installer that succeeds; an environment has torch 2.13.0+cpu afterwards."""
    commands = []
    monkeypatch.setattr(start, "installer", lambda python, found: ["installer"])
    monkeypatch.setattr(start, "install", lambda command, what, where: commands.append(command[1:]))
    monkeypatch.setattr(start, "torch_sources", lambda: [("cpu", CPU), ("default", [])])
    monkeypatch.setattr(start, "look_into", lambda python: environment("env", "2.13.0+cpu"))
    return commands


def install_all(torch=""):
    start.install_all("python", environment("env", torch), start.requirements(*start.APP))


def failing(monkeypatch, asked, *failures):
    """The installer prints these in turn and fails each time; then it succeeds."""
    said, installing = list(failures), start.install

    def install(command, what, where):
        installing(command, what, where)
        if said:
            raise start.SetupError("what to do", said.pop(0))

    monkeypatch.setattr(start, "install", install)


def test_torch_is_installed_first_and_then_held(asked):
    install_all()
    first, second = asked
    assert first == [*CPU, REQUIREMENT]
    assert "torch==2.13.0+cpu" in second and REQUIREMENT not in second
    assert any(line.startswith("gradio") for line in second)


def test_only_the_line_for_torch_itself_is_split_off(asked):
    start.install_all("python", environment("env"), ["torch-fidelity", REQUIREMENT, "torchvision", "numpy"])
    assert asked == [
        [*CPU, REQUIREMENT],
        ["--quiet", "torch-fidelity", "torch==2.13.0+cpu", "torchvision", "numpy"],
    ]


@pytest.mark.parametrize("version, in_range", [("2.13.0+cu130", True), ("2.5.1", False), ("2.14.0.dev20260801", False)])
def test_a_torch_that_is_there_is_never_replaced(asked, monkeypatch, capsys, version, in_range):
    monkeypatch.setattr(start, "torch_sources", never)
    monkeypatch.setattr(start, "look_into", never)
    install_all(version)
    [only] = asked
    assert [line for line in only if line.startswith("torch")] == [f"torch=={version}"]
    assert (f"torch {version}; GANatomy is made for {REQUIREMENT}" in capsys.readouterr().out) is not in_range


def test_a_failing_cpu_index_falls_back_to_the_default_index(asked, monkeypatch):
    failing(monkeypatch, asked, "ReadTimeoutError")
    install_all()
    assert asked[:2] == [[*CPU, REQUIREMENT], [REQUIREMENT]] and len(asked) == 3


def test_where_every_index_fails_nothing_else_is_installed(asked, monkeypatch):
    failing(monkeypatch, asked, "ReadTimeoutError", "ReadTimeoutError")
    with pytest.raises(start.SetupError, match="what to do"):
        install_all()
    assert asked == [[*CPU, REQUIREMENT], [REQUIREMENT]]


@pytest.mark.parametrize(
    "said", ["OSError: [Errno 28] No space left on device", "failed to write: No space left on device (os error 28)"]
)
def test_a_full_disk_ends_the_attempts(asked, monkeypatch, said):
    failing(monkeypatch, asked, said)
    with pytest.raises(start.SetupError):
        install_all()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "version, expected", [("2.9.1", False), ("2.10.0", True), ("2.13.2+cpu", True), ("2.14.0", False), ("3.0", False)]
)
def test_the_range_of_torch(version, expected):
    assert start.in_range(version, REQUIREMENT) is expected
    assert start.in_range("2.10.0", "torch==2.10") and not start.in_range("2.9.1+rocm6.2", "torch==2.10")


# uv or pip


def test_uv_installs_where_it_is_on_the_path_otherwise_pip(quiet_machine):
    found = environment(quiet_machine / "env")
    assert start.installer("python", found)[:4] == ["python", "-m", "pip", "install"]
    uv = program(quiet_machine / "bin", "uv")
    assert start.installer("python", found) == [str(uv), "pip", "install", "--python", "python"]


def uses_uv(prefix="env"):
    return start.installer("python", environment(prefix))[0].endswith("uv")


@pytest.mark.parametrize(
    "name", ["INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "CONSTRAINT", "PROXY", "CERT"]
)
def test_pip_installs_where_its_environment_says_what_uv_does_not_read(quiet_machine, monkeypatch, name):
    program(quiet_machine / "bin", "uv")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    assert uses_uv()
    monkeypatch.setenv(f"PIP_{name}", "anything")
    assert not uses_uv()


@pytest.mark.parametrize(
    "setting, by_uv",
    [
        ("global.index-url='https://mirror'", False),
        ("global.extra-index-url='\\nfile:///mirror'", False),
        ("install.find-links='/wheels'", False),
        ("global.constraint='/etc/constraints.txt'", False),
        (":env:.trusted-host='mirror'", False),
        ("global.timeout='60'", True),
        ("global.progress-bar='off'", True),
        ("global.log='/var/index.log'", True),
    ],
)
def test_pip_installs_where_its_files_say_what_uv_does_not_read(quiet_machine, setting, by_uv):
    program(quiet_machine / "bin", "uv")
    (quiet_machine / "settings").write_text(f"global.retries='3'\n{setting}\n")
    assert uses_uv() is by_uv


def test_pip_names_the_settings_in_its_files(quiet_machine, monkeypatch):
    program(quiet_machine / "bin", "uv")
    script = f'exec {REAL_PYTHON} "$@" --user'  # not those of the whole computer
    monkeypatch.setattr(sys, "executable", str(program(quiet_machine / "home", "python", script)))
    (quiet_machine / ".pip").mkdir()
    (quiet_machine / ".pip/pip.conf").write_text("[global]\ntimeout = 60\n# index-url = https://mirror\n")
    assert uses_uv()
    (quiet_machine / ".pip/pip.conf").write_text("[global]\nextra_index_url:\n  file:///mirror\n")
    assert not uses_uv()


def test_pip_is_added_to_an_environment_without_it(quiet_machine):
    bare = {**environment("env"), "pip": False}
    python = program(quiet_machine / "bin", "python", f"echo $@ > {quiet_machine}/asked")
    assert start.installer(python, bare)[:2] == [str(python), "-m"]
    assert (quiet_machine / "asked").read_text().split() == ["-m", "ensurepip", "--default-pip"]
    python = program(quiet_machine / "bin", "python", "echo No module named ensurepip >&2; exit 1")
    with pytest.raises(start.SetupError, match="sudo apt-get install python3"):
        start.installer(python, bare)
    program(quiet_machine / "bin", "uv")
    start.installer(python, bare)


def test_the_environment_is_made_by_uv_where_it_is_on_the_path(quiet_machine):
    folder = quiet_machine / "new"
    program(quiet_machine / "bin", "uv", f'echo "$@" > {quiet_machine}/asked')
    start.environment(folder, lambda: "/some/python3.13")
    asked = (quiet_machine / "asked").read_text().split()
    assert asked == ["venv", "--quiet", "--allow-existing", "--python", "/some/python3.13", str(folder)]


def test_an_environment_is_made_once(quiet_machine):
    folder = quiet_machine / "new"
    python = program(quiet_machine / "bin", "python3", f"/bin/mkdir -p {folder}/bin; : > {folder}/bin/python")
    assert start.environment(folder, lambda: str(python)) == folder / "bin/python"
    assert start.environment(folder, never) == folder / "bin/python"


@pytest.mark.parametrize(
    "script, words",
    [
        ("echo 'Error: No module named venv' >&2; exit 1", "sudo apt-get install python3"),
        ("echo 'ensurepip is not available'; exit 1", "sudo apt-get install python3"),
        ("echo '[Errno 28] No space left on device'; exit 1", "disk is full"),
        ("echo strange; exit 1", "lines above"),
    ],
)
def test_a_failed_environment_is_explained_and_nothing_is_left_of_it(quiet_machine, capsys, script, words):
    folder = quiet_machine / "new"
    python = program(quiet_machine / "bin", "python3", f"/bin/mkdir -p {folder}/bin; {script}")
    with pytest.raises(start.SetupError, match=words):
        start.environment(folder, lambda: str(python))
    assert not folder.exists()
    assert "strange" in capsys.readouterr().err or "strange" not in script


def test_ctrl_c_leaves_no_half_made_environment(quiet_machine, monkeypatch):
    folder = quiet_machine / "new"

    def interrupted(*_):
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start.environment(folder, lambda: "python3")
    assert not folder.exists()


def test_a_folder_that_was_there_before_stays_when_no_environment_can_be_made_in_it(quiet_machine):
    folder = quiet_machine / "new"
    python = program(quiet_machine / "bin", "python3", "exit 1")
    folder.mkdir()
    with pytest.raises(start.SetupError):
        start.environment(folder, lambda: str(python))
    assert folder.exists()


# Requirements and stamp


def test_requirements_are_read_without_comments(project):
    assert start.requirements(*start.DEV) == [REQUIREMENT, "numpy", "pytest"]


def installed(python, found, lines):
    """What install_all is called with, in its place."""
    installed.calls.append(lines)


@pytest.fixture
def prepared(project, monkeypatch):
    """Prepare the project's environment for these files; returns how often something was installed by then."""
    installed.calls = []
    found = environment(project / "env")
    monkeypatch.setattr(start, "look_into", lambda python: found)
    monkeypatch.setattr(start, "install_all", installed)

    def prepare(files, force=False):
        start.prepare("python", start.requirements(*files), force)
        return len(installed.calls)

    prepare.found = found
    return prepare


def test_nothing_is_installed_twice_unless_asked_for(prepared):
    assert [prepared(start.APP), prepared(start.APP), prepared(start.APP, force=True)] == [1, 1, 2]


def test_setting_up_for_tests_sets_up_the_page_too(prepared):
    assert [prepared(start.DEV), prepared(start.APP), prepared(start.DEV)] == [1, 1, 1]


def test_setting_up_the_page_does_not_set_up_for_tests(prepared):
    assert [prepared(start.APP), prepared(start.DEV)] == [1, 2]


def test_changed_requirements_or_python_are_installed_anew(project, prepared):
    assert prepared(start.DEV) == 1
    prepared.found["version"] = [3, 12, 1]
    assert prepared(start.DEV) == 2
    (project / "requirements.txt").write_text("torch>=2.10,<2.14\nscipy\n")
    assert [prepared(start.DEV), prepared(start.DEV)] == [3, 3]


def test_nothing_is_stamped_where_installing_failed(prepared, monkeypatch):
    monkeypatch.setattr(start, "install_all", lambda *_: (_ for _ in ()).throw(start.SetupError("why")))
    with pytest.raises(start.SetupError):
        prepared(start.APP)
    monkeypatch.setattr(start, "install_all", installed)
    assert prepared(start.APP) == 1


# Python and environments


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 12, 12), (3, 13, 0), (3, 14, 1)])
def test_these_pythons_work_without_a_word(prepared, capsys, version):
    prepared.found["version"] = list(version)
    prepared(start.APP)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("version", [(3, 6, 8), (3, 9, 18), (3, 10, 13)])
def test_older_pythons_are_told_what_works_and_how(version):
    sentence = start.too_old("/some/python", version)
    assert "/some/python is Python {}.{}.{}".format(*version) in sentence and "needs 3.11 or newer" in sentence
    assert "python3.14 start.py" in sentence and "\nGet one" in sentence


@pytest.mark.parametrize("version", [(3, 15, 0), (4, 0, 0)])
def test_newer_pythons_are_warned_and_go_on(prepared, capsys, version):
    prepared.found["version"] = list(version)
    assert prepared(start.APP) == 1
    said = capsys.readouterr().out
    assert f"Python {version[0]}.{version[1]} is newer than 3.14" in said and said.count("\n") == 1


def test_an_old_python_can_read_start_py_and_so_say_that_it_is_old():
    ast.parse((start.ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_an_old_python_makes_the_environment_with_the_newest_on_the_path_that_runs(quiet_machine, monkeypatch):
    assert start.base_python() == sys.executable
    asks = "import sys; sys.exit(sys.version_info < (3, 11))"
    old = program(quiet_machine / "bin", "python3.9", f"[ \"$2\" = '{asks}' ] && exit 1")
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(start.SetupError, match="is Python 3.9.18, and GANatomy needs"):
        start.base_python()
    program(quiet_machine / "bin", "python3.10")
    program(quiet_machine / "bin", "python3.14", "exit 127")  # a shim of a version that is not chosen
    with pytest.raises(start.SetupError):
        start.base_python()
    program(quiet_machine / "bin", "python3.11")
    chosen = program(quiet_machine / "bin", "python3.13")
    assert start.base_python() == str(chosen)


def test_the_lowest_versions_are_tested_with_the_oldest_python(quiet_machine, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert lowest.oldest_python() == sys.executable
    monkeypatch.setattr(sys, "version_info", (3, 14, 1))
    with pytest.raises(start.SetupError, match="python3.11 is not on the path"):
        lowest.oldest_python()
    program(quiet_machine / "bin", "uv")
    assert lowest.oldest_python() == "3.11"  # uv finds or downloads it
    python = program(quiet_machine / "bin", "python3.11")
    assert lowest.oldest_python() == str(python)


def test_the_environment_of_this_test_is_looked_into_rightly():
    found = start.look_into(sys.executable)
    assert (found["version"], found["prefix"]) == (list(sys.version_info[:3]), sys.prefix)
    assert found["torch"] == metadata.version("torch")


def test_an_environment_that_does_not_run_or_is_too_old_says_to_delete_it(project, quiet_machine):
    with pytest.raises(start.SetupError, match="does not run(.|\n)*Delete"):
        start.look_into(project / "env/bin/python")
    old = f'{{"version": [3, 10, 13], "prefix": "{project}/.venv", "torch": "", "pip": true}}'
    python = program(quiet_machine / "bin", "python", f"echo '{old}'")
    with pytest.raises(start.SetupError, match="is Python 3.10.13(.|\n)*Delete"):
        start.look_into(python)


@pytest.mark.parametrize(
    "environ, prefix, base, expected",
    [
        ({}, "/venv", "/usr", True),
        ({}, "/usr", "/usr", False),
        ({"CONDA_PREFIX": "/conda/envs/gan"}, "/conda/envs/gan", "/conda/envs/gan", True),
        ({"CONDA_PREFIX": "/conda/envs/gan"}, "/usr", "/usr", False),
        ({"CONDA_PREFIX": "/conda", "CONDA_DEFAULT_ENV": "base"}, "/conda", "/conda", False),
    ],
)
def test_which_environments_count(monkeypatch, environ, prefix, base, expected):
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "base_prefix", base)
    monkeypatch.setattr(start, "environment", lambda folder: folder)
    for name in ("CONDA_PREFIX", "CONDA_DEFAULT_ENV"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert start.choose_python() == (Path(sys.executable) if expected else start.ROOT / ".venv")


# Failures and messages


@pytest.mark.parametrize(
    "said, words",
    [
        ("Failed to establish a new connection\nNo matching distribution found", "index could not be reached"),
        ("error: Failed to fetch: `https://index/torch/`\n  Caused by: dns error", "index could not be reached"),
        ("ERROR: No matching distribution found for torch", "no build of torch"),
        ("Because torch was not found in the package registry and you require torch", "no build of torch"),
        ("[Errno 13] Permission denied", "/venv may not be written to"),
        ("error: Permission denied (os error 13)", "/venv may not be written to"),
        ("something new", "lines above"),
    ],
)
def test_failures_of_pip_and_uv_are_explained(said, words):
    with pytest.raises(start.SetupError, match=words):
        start.install([sys.executable, "-c", f"import sys; sys.exit({said!r})"], "torch", "/venv")


def test_what_an_installer_says_is_shown_and_kept(capsys):
    with pytest.raises(start.SetupError) as caught:
        start.install([sys.executable, "-c", "import sys; sys.exit('one\\ntwo')"], "torch", "/venv")
    assert caught.value.args[1] == capsys.readouterr().err == "one\ntwo\n"
    start.install([sys.executable, "-c", "pass"], "torch", "/venv")


@pytest.mark.parametrize(
    "error, code", [(start.SetupError("why"), 1), (KeyboardInterrupt(), 130), (OSError(28, "full"), 1)]
)
def test_failures_end_with_a_code_and_no_traceback(capsys, error, code):
    def fail(_):
        raise error

    assert start.guarded(fail, []) == code
    written = capsys.readouterr().err
    assert written and "Traceback" not in written


def test_setup_refuses_arguments_it_does_not_know(capsys):
    assert start.guarded(start.run, ["setup", "--fast"]) == 1
    assert "--dev" in capsys.readouterr().err


# Windows runs the page beside start.py and not in its place

CHILD = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os._exit(7))
print("ready", flush=True)
signal.pause()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX does")
def test_where_the_page_runs_beside_it_ctrl_c_is_left_to_the_page():
    code = f"import os, sys, start; os.name = 'nt'; sys.exit(start.launch(sys.executable, ['-c', {CHILD!r}]))"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=start.ROOT, stdout=subprocess.PIPE, start_new_session=True, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 7
        assert process.stderr.read() == b""


# Two processes for the tests


@pytest.mark.parametrize(
    "arguments, parallel",
    [
        ([], True),
        (["-m", "shared"], True),
        (["-k", "name", "tests/test_start.py"], True),
        (["--durations=5", "-x"], True),
        (["tests/test_start.py::test_setup"], False),
        (["-n0"], False),
        (["-n", "4"], False),
        (["--dist=load"], False),
        (["-p", "no:xdist"], False),
        (["--pdb"], False),
        (["-s"], False),
    ],
)
def test_tests_run_in_two_processes_unless_the_arguments_speak_against_it(monkeypatch, arguments, parallel):
    launched = []
    monkeypatch.setattr(start, "launch", lambda python, arguments: launched.append((python, arguments)) or 5)
    monkeypatch.setattr(tests.__main__.chromium, "main", lambda: launched.append("chromium"))
    assert tests.__main__.run(arguments) == 5
    two = ["-n", "2"] if parallel else []
    assert launched == ["chromium", (sys.executable, ["-m", "pytest", *two, *arguments])]


def test_start_py_and_the_lowest_versions_run_the_tests_from_their_folder(monkeypatch, tmp_path):
    launched = []
    monkeypatch.setattr(start, "launch", lambda *command: launched.append((Path.cwd(), *command)))
    monkeypatch.setattr(start, "environment", lambda folder, base: folder.name)
    monkeypatch.setattr(start, "choose_python", lambda: "python")
    monkeypatch.setattr(start, "prepare", lambda python, lines: python)
    monkeypatch.chdir(tmp_path)
    start.run(["test", "-x"])
    monkeypatch.chdir(tmp_path)
    lowest.run(["-x"])
    assert launched == [(start.ROOT, python, ["-m", "tests", "-x"]) for python in ("python", ".venv-lowest")]
