"""Write docs/api.md: the public face, from its signatures, docstrings and tables.

python tools/api_page.py          (or: make docs)
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import kinema
from kinema.estimation.registry import ESTIMATORS, Estimator
from kinema.formats import FORMATS, MotionFormat
from kinema.formats.report import WriteReport
from kinema.keypoints import SOURCES, KeypointSource
from kinema.keypoints.detectors import DETECTORS, DetectorRow
from kinema.person import PERSON_FIELDS
from kinema.pipeline.options import public_settings
from kinema.pipeline.registry import STAGES
from kinema.pipeline.running import RunResult
from kinema.pipeline.watching import RunWatcher
from kinema.provenance import StageRecord
from kinema.refinement import REFINERS, Refiner
from kinema.registry import Registry
from kinema.stage import Context, Stage
from kinema.storage.stored import StoredArray
from kinema.tracking.registry import TRACKERS, Tracker

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"

FUNCTIONS = {
    "From video to motion": ("estimate", "run"),
    "Files": ("load", "save", "export", "convert"),
    "Judging and improving": ("validate", "diagnose", "refine", "stabilize", "evaluate"),
    "What there is to choose from": (
        "stages",
        "trackers",
        "keypoint_sources",
        "detectors",
        "estimators",
        "refiners",
        "formats",
    ),
}
CLASSES = ("Motion", "Person", "Camera", "RunOptions")
RETURNED = (RunResult, RunWatcher, WriteReport, StageRecord, StoredArray)
ROWS = (Stage, Context, Tracker, KeypointSource, DetectorRow, Estimator, Refiner, MotionFormat, Registry)

INTRODUCTION = """\
# Python API

<!-- Written by tools/api_page.py from signatures, docstrings and tables; renew it with `make docs`. -->

Everything on this page is imported from `kinema`, except for the classes of the last two sections, which are shown
with their module. Names load on first use: `import kinema` takes a few milliseconds. Units and frames of reference are
those of [conventions](conventions.md); errors are the classes of `kinema.errors`, one sentence each. The package is
typed (`py.typed`). Modules and functions that are not on this page may change between versions.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for heading, names in FUNCTIONS.items():
        yield f"## {heading}\n"
        for name in names:
            # From its own module, since the room `kinema.formats` has the name of a function.
            yield from _entry(f"kinema.{name}", getattr(import_module(kinema._HOME[name]), name), level=3)
    for name in CLASSES:
        cls = getattr(kinema, name)
        yield from _class(f"kinema.{name}", cls, level=2)
        if name == "Person":
            yield from _fields()
        if name == "RunOptions":
            yield from _settings()
    yield from _tables()
    yield "## What the functions return\n"
    for cls in RETURNED:
        yield from _class(f"{cls.__module__}.{cls.__qualname__}", cls, level=3)
    yield "## What a row is made of\n"
    yield "For those who add a stage, an estimator, a format: see [architecture](architecture.md#how-to-add).\n"
    for cls in ROWS:
        yield from _class(f"{cls.__module__}.{cls.__qualname__}", cls, level=3)


def _entry(title: str, thing: Callable[..., Any], level: int) -> Iterator[str]:
    name = title.rpartition(".")[2]
    yield f"{'#' * level} `{title}`\n"
    yield f"```python\n{_signature(name, thing)}\n```\n"
    yield f"{inspect.getdoc(thing)}\n"


def _class(title: str, cls: type, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{title}`\n"
    if len(inspect.signature(cls).parameters) < 20:
        yield f"```python\n{_signature(cls.__name__, cls)}\n```\n"
    yield f"{inspect.getdoc(cls)}\n"
    own = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    for name, member in vars(cls).items():
        if name in own:
            continue
        if name.startswith("_") and name not in ("__call__",):
            continue
        if isinstance(member, property) or type(member).__name__ == "cached_property":
            getter = member.fget if isinstance(member, property) else member.func
            returns = getter.__annotations__.get("return", "")
            about = inspect.getdoc(getter)
            yield f"**`.{name}`**: `{returns}`" + (f"\\\n{about}\n" if about else "\n")
        elif isinstance(member, (staticmethod, classmethod)) or inspect.isfunction(member):
            called = getattr(cls, name) if not inspect.isfunction(member) else member
            owner = f"{cls.__name__}." if not inspect.isfunction(member) else "."
            shown = "" if name == "__call__" else owner + name
            yield f"```python\n{_signature(shown or cls.__name__.lower(), called)}\n```\n"
            if about := inspect.getdoc(called):
                yield f"{about}\n"


def _signature(name: str, thing: Callable[..., Any]) -> str:
    """name(parameters) -> result, on one line, or one parameter a line where that is longer than 100 characters."""
    signature = inspect.signature(thing)
    words: list[str] = []
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            words.append("*")
        keyword_only = keyword_only or parameter.kind is parameter.VAR_POSITIONAL
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        word = f"{stars}{parameter.name}" + _annotation(parameter.annotation)
        if parameter.default is not parameter.empty:
            word += f" = {_default(parameter.default)}"
        words.append(word)
    returns = "" if isinstance(thing, type) else _annotation(signature.return_annotation, " -> ")
    line = f"{name}({', '.join(words)}){returns}"
    if len(line) <= 100:
        return line
    return f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){returns}"


def _annotation(annotation: Any, before: str = ": ") -> str:
    if annotation in (inspect.Parameter.empty, None, "None"):
        return ""
    return before + (annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation)))


def _default(value: Any) -> str:
    if callable(value) or "factory" in repr(value):
        return "..."
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells) + "\n"


def _code(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _fields() -> Iterator[str]:
    yield "### The fields of a person\n"
    yield (
        "F: frames of the person; K, L: points of `keypoint_set` and of `keypoint3d_set`; H, W: of the image; V: "
        "vertices. NaN is allowed where the table says so, and means that the value is unknown.\n"
    )
    yield _table(
        ("field", "shape", "unit", "meaning", "NaN", "key in the `.pkl`"),
        (
            (f"`{name}`", field.letters, field.unit, field.meaning, "yes" if field.may_hold_nan else "",
             f"`{field.pkl}`")
            for name, field in PERSON_FIELDS.items()
        ),
    )  # fmt: skip


def _settings() -> Iterator[str]:
    yield "### The settings of a run\n"
    yield (
        "By these names `kinema.run`, `kinema.estimate` and `RunOptions.of` take them; the command line has the flags. "
        "Stages of other packages add their own.\n"
    )
    rows = []
    for name, public in public_settings().items():
        if public.place and public.place not in _PLACES:
            continue
        one = public.setting
        kind = " ".join(f"`{choice}`" for choice in one.choices) if one.choices else _TYPES.get(one.type, "text")
        default = "" if one.default is None else f"`{one.default}`"
        rows.append((f"`{name}`", f"`{one.flag}`", kind, default, ("the flag: " if one.off else "") + one.help))
    yield _table(("name", "flag", "type", "default", "meaning"), rows)


_PLACES = {field.name for field in dataclasses.fields(kinema.RunOptions)}
_TYPES = {int: "whole number", float: "number", bool: "true or false", Path: "path"}


def _tables() -> Iterator[str]:
    yield "## The built-in rows\n"
    yield "### Stages\n"
    yield "Each can be called alone: `stage(motion, body, options)`. `kinema.stages()` lists them.\n"
    yield _table(
        ("name", "what it does", "requires", "fills", "empties", "options"),
        (
            (f"`{stage.name}`", stage.title, _code(stage.requires), _code(stage.fills), _code(stage.clears),
             f"`{stage.options.__module__}.{stage.options.__qualname__}`")
            for stage in STAGES.built_in
        ),
    )  # fmt: skip
    registries = {
        "Trackers": TRACKERS, "Keypoint sources": SOURCES, "Person detectors": DETECTORS, "Estimators": ESTIMATORS,
        "Refiners": REFINERS,
    }  # fmt: skip
    for heading, registry in registries.items():
        yield f"### {heading}\n"
        yield _table(("name", "what it is"), ((f"`{row.name}`", row.summary) for row in registry.built_in))
    yield "### Formats\n"
    yield _table(
        ("name", "files", "reads", "writes", "what it is", "options of the writer"),
        (
            (f"`{row.name}`", " ".join(row.suffixes), "yes" if row.reads else "", "yes" if row.writes else "",
             row.summary, _code(each for each in row.takes if each != "report"))
            for row in FORMATS.built_in
        ),
    )  # fmt: skip


if __name__ == "__main__":
    main()
