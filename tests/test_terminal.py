"""The edge to the terminal: whatever is printed arrives as text, or not at all, and the work goes on."""

from __future__ import annotations

import io
import json
import os
import sys

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.formats import save_motion
from kinema.synthetic import procedural_motion
from kinema.terminal import SafeStream, console, print_json, printed
from tests.helpers.children import in_shell, kinema
from tests.helpers.fakes import write_clip

posix = pytest.mark.skipif(os.name != "posix", reason="file descriptors and names of POSIX systems")
linux = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


def written(text: str, encoding: str) -> str:
    """What arrives at a stream of this encoding."""
    raw = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(raw, encoding=encoding))
    stream.write(text)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "böse 日本 \\x1b[31m \\xff"),
        ("latin-1", "böse \\u65e5\\u672c \\x1b[31m \\xff"),
        ("cp1252", "böse \\u65e5\\u672c \\x1b[31m \\xff"),
        ("ascii", "b\\xf6se \\u65e5\\u672c \\x1b[31m \\xff"),
    ],
)
def test_every_encoding_takes_every_text(encoding, shown):
    assert written("böse 日本 \x1b[31m \udcff", encoding) == shown


def test_json_stays_json_in_every_encoding(monkeypatch):
    value = {"name": "böse \x1b\x9b\u202e \udcff", "error": float("nan"), "most": [float("inf")]}
    for encoding in ("utf-8", "latin-1", "ascii"):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        with printed():
            print_json(value)
        text = raw.getvalue().decode(encoding)
        assert json.loads(text, parse_constant=pytest.fail) == {**value, "error": None, "most": [None]}
        monkeypatch.undo()


def test_tables_show_markup_and_escapes_as_they_are(capsys):
    from rich.table import Table

    with printed():
        table = Table(title="[red]clip[/red] \x1b[2J")
        table.add_column("[bold]a")
        table.add_row("[blink]b \x1b]0;title\x07")
        console().print(table)
        console().print("[link=x]c :smiley:")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    for text in ("[red]clip[/red] \\x1b[2J", "[bold]a", "[blink]b \\x1b]0;title\\x07", "[link=x]c :smiley:"):
        assert text in shown


def test_names_cannot_speak_for_the_program(tmp_path, capsys, monkeypatch):
    """Escapes, line breaks and markup in a name are shown in errors."""
    monkeypatch.chdir(tmp_path)
    name = "[red]\x1b[2Ja\nkinema: all is well"
    assert main(["run", name]) == 3
    assert main(["validate", name]) == 3
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith("kinema: [red]\\x1b[2Ja\\nkinema: all is well ")


@pytest.fixture
def place(tmp_path):
    write_clip(tmp_path / "clip.mp4")
    return tmp_path


def finished(place) -> bool:
    """Whether the one run under `place` is done and its copy is there."""
    (record,) = place.glob("outputs/*/run.json")
    copies = list(place.glob("output-pkl-files/*.pkl"))
    return json.loads(record.read_text())["status"] == "done" and len(copies) == 1


@posix
@pytest.mark.parametrize("line", ['"$@" 2>&-', '"$@" >&-', '"$@" <&- >&- 2>&-'])
def test_closed_streams_do_not_stop_the_work(place, line):
    assert in_shell(line, "run", "clip.mp4", "--view", "side", cwd=place) == 0
    assert finished(place)
    for path in place.glob("outputs/*/*"):  # nothing that was printed ended up in a file
        assert path.is_dir() or b"smoothing:" not in path.read_bytes()


@linux
def test_a_full_disk_behind_the_streams(place):
    assert in_shell('"$@" >/dev/full 2>/dev/full', "run", "clip.mp4", "--no-overlay", cwd=place) == 0
    assert finished(place)
    # An answer that arrived nowhere is no success where the answer is all there is.
    for arguments in (["run", "clip.mp4", "--no-overlay", "--json"], ["info"], ["--version"]):
        with open("/dev/full", "wb") as full:
            done = kinema(*arguments, cwd=place, stdout=full)
        assert done.returncode == 3
        assert b"kinema: the output could not be written (No space left" in done.stderr


@posix
@pytest.mark.parametrize("where", ["2>&1", "2>/dev/null"])
def test_a_reader_that_has_enough_does_not_stop_the_work(place, where):
    code = place / "code"
    line = f'{{ "$@" {where}; echo $? >"{code}"; }} | head -1 >/dev/null'
    slowly = "fake.before['fit'] = lambda: time.sleep(0.5)"  # so that `head` has ended before the rest is printed
    assert in_shell(line, "run", "clip.mp4", "--no-overlay", cwd=place, before=slowly) == 0
    assert code.read_text() == "0\n"
    assert finished(place)


@posix
def test_failure_stays_failure_without_streams(place):
    assert in_shell('"$@" >&- 2>&-', "run", "missing.mp4", cwd=place) == 3
    assert in_shell('"$@" >&- 2>&-', "run", "clip.mp4", "--height", "17", cwd=place) == 2


NAMES = {
    "latin-1": (b"caf\xe9.mp4", "ascii"),
    "no text": (b"\xff\xfe\xfd.mp4", "utf-8"),
    "utf-8": ("böse 日本.mp4".encode(), "ascii"),
    "escapes": (b"\x1b[31m[red]x\n.mp4", "utf-8"),
    "240 bytes": (("é" * 118).encode() + b".mp4", "latin-1"),
}


@posix
@pytest.mark.parametrize(("name", "encoding"), NAMES.values(), ids=NAMES)
def test_names_of_every_kind(tmp_path, name, encoding):
    write_clip(tmp_path / "clip.mp4")
    try:
        os.rename(tmp_path / "clip.mp4", os.fsencode(tmp_path) + b"/" + name)
    except OSError as error:
        pytest.skip(f"the file system does not take this name: {error}")
    env = {"PYTHONIOENCODING": encoding, "LC_ALL": "C" if encoding == "ascii" else "C.UTF-8"}
    done = kinema("run", name, cwd=tmp_path, env=env)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert finished(tmp_path)
    assert b"1 person in 12 frames" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr
    (path,) = tmp_path.glob("outputs/*/run.json")
    record = json.loads(path.read_text())
    assert os.fsencode(os.path.basename(record["input"]["path"])) == name


def test_what_a_file_holds_cannot_speak_for_the_program(tmp_path, capsys):
    """Keys with escapes and line breaks are shown, each on its line."""
    path = tmp_path / "walk.npz"
    save_motion(procedural_motion(load_body(), "on-the-spot"), path)
    with np.load(path) as arrays:
        np.savez(path, **dict(arrays), **{"\x1b[2Jkey\nPASS  (all is well)": np.zeros(3)})
    for command in ("diagnose", "validate"):
        main([command, str(path)])
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        assert "PASS  (all is well)" not in (shown.out + shown.err).splitlines()
