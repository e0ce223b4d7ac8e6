"""`make` hands names on as they are: nothing in a variable is expanded or executed, whatever is in it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None or os.name == "nt", reason="there is no make here")

MARK = "was-executed"
"""The file that a hostile name tries to make."""

HOSTILE = [
    "plain.mp4",
    "two words.mp4",
    "cost$5.mp4",
    "cost$$5 $(HOME) ${PATH} $@.mp4",
    f"`touch {MARK}`.mp4",
    f"$(touch {MARK}).mp4",
    f"$(shell touch {MARK}).mp4",
    f"${{shell touch {MARK}}}.mp4",
    f"$$(touch {MARK}).mp4",
    f'a";touch {MARK};".mp4',
    f"a';touch {MARK};'.mp4",
    f"a;touch {MARK};.mp4",
    f"a&touch {MARK}&.mp4",
    f"a|touch {MARK}|.mp4",
    f"a\ntouch {MARK}\n.mp4",
    f"a\n\ttouch {MARK}\n.mp4",
    f"a.mp4 {MARK}: ; touch {MARK}",
    "back\\slash\\.mp4",
    "trailing backslash\\",
    "star*?[a-z]{1,2}.mp4",
    "~/home.mp4",
    "#comment.mp4",
    "a=b:=c.mp4",
    "a%b,c)d(e.mp4",
    "-n",
    "--help",
    "ümläut 走.mp4",
]


class Stub:
    """An environment whose `kinema` writes down its arguments. A name that is executed leaves a file in `folder`."""

    def __init__(self, folder: Path, name: str = "stub") -> None:
        self.folder, self.venv, self.seen = folder, folder / name, folder / "seen"
        (self.venv / "bin").mkdir(parents=True)
        self._program("python", f'exec {shlex.quote(sys.executable)} "$@"')
        self._program("kinema", f"printf '%s\\0' \"$@\" > {shlex.quote(str(self.seen))}")
        for stamp in (".created", ".installed"):
            (self.venv / stamp).touch()

    def _program(self, name: str, line: str) -> None:
        path = self.venv / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        kept = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
        return subprocess.run(
            [str(MAKE), "--no-print-directory", "-f", "Makefile", *words], cwd=self.folder, capture_output=True,
            env=kept | environment, timeout=60, check=False,
        )  # fmt: skip

    def arguments(self, *words: str, **environment: str) -> list[str]:
        """What `kinema` was called with by `make WORDS`."""
        self.seen.unlink(missing_ok=True)
        done = self.make(*words, f"VENV={self.venv}", **environment)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        assert not list(self.folder.rglob(MARK)), "something in a name was executed"
        return self.seen.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]


_OF_MAKE = ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS", "VIDEO", "ARGS", "VENV", "PYTHON")


@pytest.fixture(scope="module")
def stub(tmp_path_factory) -> Stub:
    return stub_in(tmp_path_factory.mktemp("make"))


def stub_in(folder: Path, name: str = "stub") -> Stub:
    """A folder with what `make run` reads, and a stub of the environment in it."""
    (folder / "tools").mkdir()
    for file in ("Makefile", "pyproject.toml", "constraints.txt", "tools/environment.sh", "tools/with_args.py"):
        shutil.copy(ROOT / file, folder / file)
    return Stub(folder, name)


def as_path(name: str) -> str:
    """The name as `kinema` gets it: a leading dash would be an option, a dash alone is a pipe."""
    return f"./{name}" if name.startswith("-") and name != "-" else name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_video_is_handed_on_as_it_is_named(stub, name):
    assert stub.arguments("run", f"VIDEO={name}") == ["run", as_path(name)]
    assert stub.arguments("run", VIDEO=name) == ["run", as_path(name)]


@settings(max_examples=15)  # each is a process of make
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12))
def test_any_name_arrives(stub, name):
    assert stub.arguments("run", VIDEO=name) == ["run", as_path(name)]


def test_names_that_are_not_text_arrive(stub):
    name = os.fsdecode(b"caf\xe9 $(x).mp4")
    assert stub.arguments("run", f"VIDEO={name}") == ["run", name]


def test_without_a_video_it_is_the_demo(stub):
    assert stub.arguments("run") == ["demo"]
    assert stub.arguments("run", "VIDEO=", "ARGS=--seed 3") == ["demo", "--seed", "3"]
    assert stub.arguments("demo", "ARGS=--seed 3") == ["demo", "--seed", "3"]
    assert stub.arguments("run", "VIDEO=-") == ["run", "-"]


@pytest.mark.parametrize("word", HOSTILE)
def test_args_are_words_and_nothing_more(stub, word):
    given = f"--no-overlay --out {shlex.quote(word)}"
    assert stub.arguments("run", "VIDEO=a.mp4", f"ARGS={given}") == ["run", "a.mp4", "--no-overlay", "--out", word]
    assert stub.arguments("run", "VIDEO=a.mp4", ARGS=given) == ["run", "a.mp4", "--no-overlay", "--out", word]
    # Unquoted, it is split as a shell would, and that is all.
    try:
        words = shlex.split(word)
    except ValueError:
        return
    assert stub.arguments("run", "VIDEO=a.mp4", ARGS=word) == ["run", "a.mp4", *words]


def test_args_with_an_open_quote_are_refused(stub):
    done = stub.make("run", "VIDEO=a.mp4", "ARGS=--out 'results", f"VENV={stub.venv}")
    assert done.returncode == 2
    assert (
        done.stderr.decode().splitlines()[0]
        == "ARGS cannot be split into words (no closing quotation); close the quotes"
    )


@pytest.mark.parametrize("name", ["two words", "a$5", f"$(touch {MARK})", f"`touch {MARK}`", f'";touch {MARK};"', "-v"])
def test_the_environment_may_have_any_name(tmp_path, name):
    stub = stub_in(tmp_path, name)
    for venv in (name, str(stub.venv)):
        stub.seen.unlink(missing_ok=True)
        done = stub.make("run", "VIDEO=a.mp4", f"VENV={venv}")
        assert done.returncode == 0, done.stderr.decode()
        assert stub.seen.read_bytes() == b"run\0a.mp4\0"
    assert not list(tmp_path.rglob(MARK))


@pytest.mark.parametrize("name", [f"$(touch {MARK})", f"`touch {MARK}`", f"x;touch {MARK}", f"$(shell touch {MARK})"])
def test_the_interpreter_is_a_name_too(tmp_path, name):
    stub = stub_in(tmp_path)
    for words in (["install", "VENV=new"], ["compat"], [".venv-mediapipe"]):
        done = stub.make(*words, f"PYTHON={name}")
        assert done.returncode == 2
        assert b"not found" in done.stderr or b"No such file" in done.stderr
    assert not list(tmp_path.rglob(MARK))


def test_an_interpreter_with_a_space_in_its_name_is_used(tmp_path):
    stub = stub_in(tmp_path)
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\necho asked "$1" >&2\nexit 1\n')
    python.chmod(0o755)
    done = stub.make("install", "VENV=new", f"PYTHON={python}")
    assert done.stderr.startswith(b"asked -c")


def test_clean_removes_the_environment_and_nothing_else(tmp_path):
    stub = stub_in(tmp_path, "two words")
    other = tmp_path / "words"
    other.mkdir()
    assert stub.make("clean", "VENV=two words").returncode == 0
    assert not stub.venv.exists()
    assert other.is_dir()
    assert stub.make("clean", "VENV=").returncode == 0
    assert other.is_dir()


def test_an_old_environment_is_brought_up_to_date(tmp_path):
    """An environment older than the versions it was made from is installed again."""
    stub = stub_in(tmp_path)
    assert stub.make("install", f"VENV={stub.venv}").returncode == 0
    stub._program("python", f'echo called "$@" >> {shlex.quote(str(tmp_path / "calls"))}')
    old = (stub.venv / ".installed").stat().st_mtime - 1000
    os.utime(stub.venv / ".installed", (old, old))
    assert stub.make("install-dev", f"VENV={stub.venv}").returncode == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == [".[dev,dev-readers]"]
    for target in ("install-dev", "install"):
        assert stub.make(target, f"VENV={stub.venv}").returncode == 0
    assert (tmp_path / "calls").read_text().splitlines() == calls


@pytest.mark.parametrize(("words", "code"), [(["blender"], 1), (["blender", "maybe"], 0)])
def test_without_python_311_blender_is_left_out_with_a_reason(tmp_path, words, code):
    stub_in(tmp_path)
    command = ["/bin/sh", "tools/environment.sh", *words]
    nothing = {"PATH": str(tmp_path), "PYTHON": "no-such-python", "VENV": "unused"}
    done = subprocess.run(command, cwd=tmp_path, env=nothing, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "needs Python 3.11, which is not on this machine" in done.stderr
    assert not (tmp_path / ".venv-blender").exists()
