"""SIGTERM and SIGHUP stop a run as Ctrl-C does; a second signal, nohup and little memory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kinema.__main__ import main
from kinema.commands import _memory
from tests.helpers.children import ROOT, command, environment, kinema
from tests.helpers.fakes import write_clip

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")

# Tests may themselves run under nohup, which the run would respect.
HEARS = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
WAIT = "fake.before['fit'] = lambda: (print('fitting', flush=True), time.sleep(60))"


@pytest.fixture
def place(tmp_path) -> Path:
    write_clip(tmp_path / "clip.mp4")
    return tmp_path


def stopped(place: Path, *numbers: int, before: str = f"{HEARS}\n{WAIT}") -> tuple[int, str]:
    """Exit code and stderr of a run that gets the signals while it fits."""
    process = subprocess.Popen(
        command("run", "clip.mp4", "--no-overlay", before=before), cwd=place, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "fitting\n"
        for number in numbers:
            process.send_signal(number)
        return process.wait(60), process.stderr.read()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [((signal.SIGTERM,), 143), ((signal.SIGHUP,), 129), ((signal.SIGHUP, signal.SIGTERM, signal.SIGTERM), 129)],
    ids=["SIGTERM", "SIGHUP", "a shell that closes"],
)
def test_a_signal_stops_a_run_like_ctrl_c(place, numbers, code):
    found, printed = stopped(place, *numbers)
    assert found == code
    assert printed.splitlines()[-1].startswith("kinema: stopped; finished stages are kept")
    assert "Traceback" not in printed
    (record,) = place.glob("outputs/*/run.json")
    assert json.loads(record.read_text())["status"] == "interrupted"
    assert kinema("run", "clip.mp4", "--no-overlay", "--quiet", cwd=place).returncode == 0
    assert json.loads(record.read_text())["reused"] == ["track"]


def test_ctrl_c_while_a_command_is_imported_is_no_traceback(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("kinema.commands._dispatcher.import_module", interrupted)
    assert main(["run", "clip.mp4"]) == 130
    assert capsys.readouterr().err == "kinema: stopped\n"


@pytest.mark.parametrize("module", ["kinema.commands._memory", "argparse"])
@pytest.mark.parametrize("started", ["kinema", "python -m kinema"])
def test_ctrl_c_while_the_program_begins_is_no_traceback(tmp_path, started, module):
    """An import is where it waits: the module that stands in for a real one gets Ctrl-C while it is imported."""
    import_hook = f"""
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
    (tmp_path / "sitecustomize.py").write_text(import_hook)
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (home,) = re.findall(r'^kinema = "([\w.]+):main"$', pyproject, flags=re.M)
    script = ["-c", f"import sys; from {home} import main; sys.exit(main())"]
    command = [sys.executable, *(script if started == "kinema" else ["-m", "kinema"]), "run", "clip.mp4"]
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    done = subprocess.run(
        command, cwd=tmp_path, env=environment({"PYTHONPATH": paths}), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "kinema: stopped\n")


def test_nohup_stays_nohup(place):
    before = f"""
import signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
{WAIT.replace("60", "1")}
"""
    assert stopped(place, signal.SIGHUP, before=before)[0] == 0


def test_the_handlers_are_put_back(capsys):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    main([])
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_download_ends_with_its_run(tmp_path):
    """The child that fetches packages is gone when the command is."""
    code = (
        "import sys; from kinema.weights import clients; from kinema.__main__ import main;"
        "clients.pip_command = lambda *_: [sys.executable, '-c', \"import os, sys, time; sys.stdout.flush();"
        "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)\", sys.argv[1]];"
        "sys.exit(main(['weights', 'get', 'blazepose-detector']))"
    )
    noted = tmp_path / "pid"
    env = environment({"KINEMA_CACHE": str(tmp_path / "cache"), "KINEMA_OFFLINE": "0"})
    process = subprocess.Popen([sys.executable, "-c", code, str(noted)], env=env, stderr=subprocess.PIPE, cwd=ROOT)
    try:
        for _ in range(6000):
            if noted.exists() and noted.read_text():
                break
            time.sleep(0.01)
        child = int(noted.read_text())
        process.terminate()
        assert process.wait(60) == 143
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not list((tmp_path / "cache").glob("weights/.fetch-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("megabytes", [160, 200, 280, 400, 1000])
def test_little_address_space_is_one_sentence(place, megabytes):
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20, {megabytes} << 20))"
    code = f"{limited}; import sys; from kinema.__main__ import main; sys.exit(main(['run', 'clip.mp4']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("kinema: the process may use only ")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
    ],
)
def test_every_word_for_too_little_memory(error):
    wrapped = RuntimeError("x")
    wrapped.__cause__ = error
    assert _memory.explain_memory(error).exit_code == _memory.explain_memory(wrapped).exit_code == 3
    assert _memory.explain_memory(ZeroDivisionError("division by zero")) is None
