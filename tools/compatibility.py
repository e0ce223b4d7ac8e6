"""Run a small set of the tests with the newest and with the oldest versions of every dependency.

python tools/compatibility.py [--python 3.10 3.13] [--versions newest oldest] [--tests PATH ...] [--at-once N]

The pinned versions are tested by `make test`; this covers what `pip install kinema` installs elsewhere: the newest of
everything, and the lowest that pyproject.toml allows. Each set has an environment of its own, without torch and without
the other extras; tests that need them skip. A Python that is not on this machine is named and left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.13")
"""The first and the last; `make test` runs all tests on one between them."""
VERSIONS = ("newest", "oldest")
TESTS = (
    "tests/test_public.py", "tests/geometry", "tests/body/test_body_layer.py", "tests/video/test_reader.py",
    "tests/video/test_writer.py", "tests/video/test_images.py", "tests/formats/test_bvh_reading.py",
    "tests/formats/test_tracks.py", "tests/formats/test_motion_files.py", "tests/storage/test_safe_pickle.py",
    "tests/models/test_litert.py", "tests/models/test_pose_lifter.py", "tests/pipeline/test_stages.py",
    "tests/pipeline/test_run_folder.py", "tests/pipeline/test_showing.py", "tests/visualization/test_overlay.py",
    "tests/commands/test_run_command.py",
)  # fmt: skip
"""What touches PyAV, OpenCV, scipy, LiteRT, onnxruntime, rich, filelock and platformdirs, and is quick."""

_NEEDED = ("pytest", "hypothesis")


def interpreter(version: str) -> str | None:
    """The path of Python `version`, from the PATH or pyenv; None if there is none that can make an environment."""
    folders = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"), reverse=True)
    for found in (shutil.which(f"python{version}"), *(str(folder / "python") for folder in folders)):
        if found is None:
            continue
        check = f"import ensurepip, venv, sys; sys.exit(sys.version_info[:2] != {tuple(map(int, version.split('.')))})"
        if not subprocess.run([found, "-c", check], capture_output=True, check=False).returncode:
            return found
    return None


def install(python: str, folder: Path, versions: str, log: TextIO) -> Path:
    """Make an environment with Kinema and what the tests need; returns its interpreter."""
    own = folder / "bin" / "python"

    def call(*command: str) -> None:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)

    call(python, "-m", "venv", str(folder))
    # Most of the modules are never imported here: compiling them all takes longer than the rest.
    pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    if versions == "oldest":
        minima = folder / "minima.txt"
        with minima.open("w") as file:
            subprocess.run([str(own), str(ROOT / "tools" / "minimum_versions.py")], stdout=file, check=True)
        pip += ["-c", str(minima)]
    else:
        pip += ["--upgrade"]
    call(*pip, str(ROOT), *_NEEDED)
    return own


def run_tests(python: Path, tests: list[str], log: TextIO) -> int:
    """The exit code of pytest on the quick ones of these tests, against the installed package."""
    command = [str(python), "-m", "pytest", "-m", "not slow and not real", "--hypothesis-profile=quick", *tests]
    environment = {**os.environ, "CI": "1", "PYTHONDONTWRITEBYTECODE": ""}
    run = subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=log, stderr=subprocess.STDOUT)
    return run.returncode


def run_set(name: str, python: str, versions: str, tests: list[str]) -> str | None:
    """Install one set, run its tests and print their output at the end; the set's name if anything failed."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kinema-compat-") as folder, tempfile.TemporaryFile("w+") as log:
        try:
            code = run_tests(install(python, Path(folder), versions, log), tests, log)
        except subprocess.CalledProcessError as error:
            print(f"{name}: cannot be installed ({error})", file=log)
            code = 1
        log.seek(0)
        output = log.read()
    state = "failed" if code else "passed"
    print(f"{output}{name}: {state}, {time.monotonic() - begin:.0f} s", flush=True)
    return name if code else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="VERSION")
    parser.add_argument("--versions", nargs="+", default=VERSIONS, choices=VERSIONS)
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="PATH")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="sets at a time; default: %(default)s")
    args = parser.parse_args()
    sets = []
    for version in args.python:
        python = interpreter(version)
        if python is None:
            print(f"Python {version}: not on this machine, left out", flush=True)
        else:
            sets += [(f"Python {version}, {versions} versions", python, versions) for versions in args.versions]
    with ThreadPoolExecutor(args.at_once) as pool:
        found = pool.map(lambda one: run_set(*one, list(args.tests)), sets)
    failed = [name for name in found if name is not None]
    if failed:
        print(f"failed: {'; '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
