"""The documentation points at things that are there."""

from __future__ import annotations

import ast
import re
import textwrap
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from kinema.commands._dispatcher import COMMANDS, build_parser
from kinema.person import PERSON_FIELDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)


@cache
def anchors(page: Path) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    titles = [
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", each) for each in re.findall(r"^#+ (.*)$", without_code(page), re.M)
    ]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            missing.append(target)
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page):
    """Every `kinema COMMAND ... --option` that a page shows is understood: quoted sides of a comparison by a run."""
    for line in re.findall(r"^ {4}(?:.*/)?kinema ([\w-]+)([^\n]*)$", page.read_text(encoding="utf-8"), flags=re.M):
        command, rest = line[0], line[1].split(" #")[0]
        assert command in COMMANDS, f"kinema {command}"
        sides = "".join(re.findall(r'"[^"]*"', rest)) if command == "compare" else ""
        for by, text in ((command, rest if not sides else re.sub(r'"[^"]*"', "", rest)), ("run", sides)):
            options = re.findall(r"(?<!\S)--([\w-]+)", text)
            known = _options(build_parser(by))
            assert set(options) <= known, f"kinema {by}: {set(options) - known}"


def _options(parser) -> set[str]:
    found = set()
    for action in parser._actions:
        found |= {option.lstrip("-") for option in action.option_strings}
        if hasattr(action, "choices") and isinstance(action.choices, dict):
            for inner in action.choices.values():
                found |= _options(inner)
    return found


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [p.name for p in (ROOT / "docs").glob("*.md") if p.name != "index.md" and f"({p.name})" not in index]
    assert not missing


def resolves(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if error.name is not None and not error.name.startswith("kinema"):
                pytest.skip(f"{name} needs {error.name}, which is not installed")
            continue
        for part in parts[cut:]:
            if hasattr(found, "__dataclass_fields__") and part in found.__dataclass_fields__:
                return True
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


GROUPS = (
    "kinema.stages", "kinema.trackers", "kinema.keypoints", "kinema.linkers", "kinema.lifters", "kinema.camera_methods",
    "kinema.estimators", "kinema.refiners",
)  # fmt: skip
"""Groups of entry points, which are no names in Python."""

MADE_UP = {"src/kinema/models/mynet/weights.py"}
"""Files that a page tells the reader to make."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_and_paths_exist(page):
    """Every dotted name of the package and every path in the repository that a page names."""
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r"(?<![\w./-])kinema(?:\.[A-Za-z_]\w*)+", text)) - set(GROUPS)
    assert not sorted(name for name in names if not resolves(name))
    paths = set(re.findall(r"(?<![\w./-])(?:src|tests|benchmarks|tools|examples|docs)/[\w./-]*\w", text))
    paths |= {f"src/{path}" for path in re.findall(r"(?<![\w./-])kinema/[\w/-]+\.py", text)}
    assert not sorted(path for path in paths - MADE_UP if not (ROOT / path).exists())


def test_the_names_are_looked_up():
    assert resolves("kinema.motion.Motion.slice")
    assert resolves("kinema.Person.pose")
    assert not resolves("kinema.motion.Motion.dance")
    assert not resolves("kinema.no_such_room.thing")


def test_every_field_is_in_the_page_of_file_formats():
    text = (ROOT / "docs" / "file-formats.md").read_text(encoding="utf-8")
    keys = [*(field.pkl for field in PERSON_FIELDS.values()), "keypoint_set", "keypoint3d_set", "data", "clip_data"]
    assert not [key for key in keys if f"`{key}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_pages_is_python(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S):
        if page.name != "api.md":  # its blocks are signatures
            ast.parse(textwrap.dedent(code))


def texts() -> str:
    """Every piece of text in the package, the scripts of `make` and the Makefile."""
    found = [(ROOT / name).read_text(encoding="utf-8") for name in ("tools/environment.sh", "tools/with_args.py")]
    for path in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
    return "\n".join(found)


def test_troubleshooting_quotes_what_is_said():
    """Each heading in backquotes is a message of Kinema's, apart from names; pip's own are the exception."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    said, missing = texts(), []
    for heading in re.findall(r"^### `(.*)`$", page, flags=re.M):
        parts = [part.strip(" ,();") for part in heading.split("...")]
        missing += [part for part in parts if part not in said and not heading.startswith("No matching distribution")]
    assert not missing
