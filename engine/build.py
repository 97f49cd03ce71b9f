"""Compile generator.c to js/generator.wasm, which is committed: nobody needs a compiler who does not change it.

    make wasm                         # or: python -m engine.build
    python -m engine.build --check    # compiles it again and fails where the committed file is another

The compiler comes from the package index into a temporary environment. The file says in a section of its own of which
source it was made, so that a test sees without a compiler that it was not forgotten.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from . import JS

SOURCE = Path(__file__).with_name("generator.c")
WASM = JS / "generator.wasm"
COMPILER = "ziglang==0.17.1"  # clang with WebAssembly's linker; another version makes other bytes
FLAGS = (
    *("--target=wasm32-freestanding", "-O2", "-msimd128", "-nostdlib", "-ffreestanding"),
    *("-Wall", "-Wextra", "-Werror"),
    *("-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--export=__heap_base"),
)
SECTION = b"ganatomy.source"


def source_hash(source: Path = SOURCE) -> str:
    """sha256 of the source, with the line endings of the repository."""
    return hashlib.sha256(source.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def compiled(python: Path) -> bytes:
    """The module with the hash of its source; `python` has the compiler. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "generator.wasm"
        command = [python, "-m", "ziglang", "cc", *FLAGS, "-o", made.name, SOURCE]
        subprocess.run(command, cwd=folder, check=True)
        return made.read_bytes() + _section(SECTION, source_hash().encode())


def _section(name: bytes, content: bytes) -> bytes:
    """A custom section of a module. Name and content are short: each length is one byte, or two for the section's."""
    body = bytes([len(name)]) + name + content
    return b"\0" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


def sections(module: bytes) -> dict[bytes, bytes]:
    """The custom sections of a module by name. Raises ValueError where it is none."""
    if module[:8] != b"\0asm\1\0\0\0":
        raise ValueError("this is no module of WebAssembly, version 1")
    found, at = {}, 8
    while at < len(module):
        kind, (size, at) = module[at], _number(module, at + 1)
        if kind == 0:
            length, begins = _number(module, at)
            found[module[begins : begins + length]] = module[begins + length : at + size]
        at += size
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def made_of(wasm: Path = WASM) -> str:
    """The hash of the source that a module was made of; "" where it does not say so."""
    return sections(wasm.read_bytes()).get(SECTION, b"").decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed file and write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        try:
            subprocess.run([python, "-m", "pip", "install", "-q", COMPILER], check=True)
            module = compiled(python)
        except subprocess.CalledProcessError as error:
            sys.exit(f"generator.c was not compiled: {error}")
    if not check:
        WASM.write_bytes(module)
        print(f"{WASM.name}: {len(module):,} bytes")
    elif module != WASM.read_bytes():
        sys.exit(f"{WASM.name} is not what {COMPILER} makes of generator.c: run `make wasm`")


if __name__ == "__main__":
    main()
