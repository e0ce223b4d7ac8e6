"""`kinema info`: system information for a bug report. It never fails: what cannot be determined is shown as unknown."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from kinema.commands._options import add_json
from kinema.terminal import console, print_json

DESCRIPTION = (
    "Print the system information for a bug report: versions, platform, processors, memory, cache and weights.\n"
    "Only the paths can identify you; read the output before you post it."
)
EXAMPLES = """  kinema info
  kinema info --json > info.json"""

_OPTIONAL = ("torch", "safetensors", "mediapipe", "pip")
_ENVIRONMENT = (
    "KINEMA_CACHE",
    "KINEMA_OFFLINE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NO_COLOR",
)

_REGISTRIES = {
    "estimators": "kinema.estimation.registry:ESTIMATORS",
    "trackers": "kinema.tracking.registry:TRACKERS",
    "refiners": "kinema.refinement.registry:REFINERS",
    "formats": "kinema.formats.registry:FORMATS",
}
"""Registries that other packages can extend; one line of `kinema info` each."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_json(parser, "everything")


def only_prints(args: argparse.Namespace) -> bool:
    return True


def run(args: argparse.Namespace) -> int:
    """Gather and print. Returns 0, always."""
    facts = gather()
    if args.json:
        print_json(facts)
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in facts.items():
        table.add_row(title, _text(value))
    console().print(table)
    return 0


def gather() -> dict[str, Any]:
    """Everything `kinema info` shows: JSON values by title."""
    return {
        "kinema": _or_unknown(_kinema),
        "python": _or_unknown(lambda: f"{platform.python_version()} ({platform.python_implementation()})"),
        "platform": _or_unknown(platform.platform),
        "machine": _or_unknown(platform.machine),
        "processors": _or_unknown(_processors),
        "memory": _or_unknown(_memory),
        "environment": _or_unknown(lambda: {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}),
        "packages": _or_unknown(_packages),
        "ffmpeg": _or_unknown(_ffmpeg),
        "cache": _or_unknown(_cache),
        "weights": _or_unknown(_weights),
        **{title: _or_unknown(partial(_rows, place)) for title, place in _REGISTRIES.items()},
        "keypoints": _or_unknown(_joint_sets),
    }


def _or_unknown(find: Callable[[], Any]) -> Any:
    """The result of `find`, or why it failed: a broken dependency may be the very bug."""
    try:
        return find()
    except Exception as error:
        return f"unknown ({type(error).__name__}: {error})"


def _kinema() -> str:
    import kinema

    return f"{kinema.__version__} in {Path(kinema.__file__).parent}"


def _processors() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{os.cpu_count()}, {usable} usable by this process"


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "unknown (not reported by this system)"
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"


def _packages() -> dict[str, str]:
    """Versions of all dependencies of Kinema, including installed extras."""
    import re

    required = metadata.requires("kinema") or []
    names = [re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    found = {}
    for name in [*names, *_OPTIONAL]:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name in names and not (name == "tomli" and sys.version_info >= (3, 11)):
                found[name] = "MISSING"
    return found


def _ffmpeg() -> dict[str, str]:
    import av

    return {name: ".".join(str(n) for n in version) for name, version in sorted(av.library_versions.items())}


def _cache() -> str:
    from kinema.weights.cache import cache_dir

    folder = cache_dir()
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    writable = existing is not None and os.access(existing, os.W_OK)
    return f"{folder} ({'exists' if folder.exists() else 'not created yet'}{'' if writable else ', NOT WRITABLE'})"


def _weights() -> dict[str, str]:
    from kinema.weights.catalogue import entries
    from kinema.weights.hub import status

    states = {entry.name: status(entry) for entry in entries()}
    return {name: f"{s.state} {(s.sha256 or '')[:12]}".strip() for name, s in states.items() if s.state != "missing"}


def _rows(place: str) -> list[str]:
    """Every name in a registry, marked where another package added it."""
    from kinema.registry import resolve

    registry = resolve(place)
    own = {row.name for row in registry.built_in}
    return [name if name in own else f"{name} (added)" for name in registry.names()]


def _joint_sets() -> dict[str, str]:
    """What the fit must estimate with keypoints of each joint set, because they do not show it."""
    from kinema.body import load_body
    from kinema.estimation.shown import joints_estimated, parts_of
    from kinema.skeleton import JOINT_SETS

    body = load_body(None)
    missing = {name: joints_estimated(body, name) for name in JOINT_SETS}
    return {name: f"(estimates {parts_of(joints)})" if joints else "(all shown)" for name, joints in missing.items()}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(value)
    return str(value)
