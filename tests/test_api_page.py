"""docs/api.md is what tools/api_page.py writes, and the examples in the public docstrings are true."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import kinema
from kinema.person import PERSON_FIELDS
from kinema.pipeline.options import public_settings
from tests.contracts.samples import walk
from tests.helpers.foreign_samples import wham, write_pkl

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"


def test_the_page_is_up_to_date():
    page = runpy.run_path(str(ROOT / "tools" / "api_page.py"))["page"]()
    assert PAGE.read_text(encoding="utf-8") == page, "docs/api.md is out of date; renew it with `make docs`"


def test_the_page_has_every_name_field_and_setting():
    text = PAGE.read_text(encoding="utf-8")
    for name in set(kinema.__all__) - {"__version__"}:
        assert re.search(rf"^##+ `kinema\.{name}`$", text, flags=re.M), name
    for name, field in PERSON_FIELDS.items():
        assert f"| `{name}` | {field.letters} |" in text
    for name, public in public_settings().items():
        assert f"| `{name}` | `{public.setting.flag}` |" in text


def public_things() -> Iterator[tuple[str, object]]:
    """Every public name, and every public method and property of the public classes."""
    for name in sorted(set(kinema.__all__) - {"__version__"}):
        thing = getattr(import_module(kinema._HOME[name]), name)
        yield name, thing
        if isinstance(thing, type):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, (property, staticmethod))):
                    yield f"{name}.{member}", getattr(thing, member)


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*each, id=each[0]) for each in public_things()])
def test_every_public_name_is_documented(name, thing):
    text = inspect.getdoc(thing)
    assert text, f"{name} has no docstring"
    assert text.splitlines()[0].rstrip().endswith((".", ":")), f"the first line of {name}'s docstring is no sentence"


def examples() -> list:
    """The indented blocks of the public docstrings and of the package's own."""
    found = []
    for name, thing in [("kinema", kinema), *public_things()]:
        blocks = re.findall(r"(?:^|\n\n)((?: {4}[^\n]*(?:\n|$))+)", inspect.getdoc(thing) or "")
        found += [pytest.param(textwrap.dedent(block), id=f"{name}-{i}") for i, block in enumerate(blocks)]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    motion = walk()
    motion.save(folder / "smpl_output.pkl")
    kinema.export(motion, folder / "truth.trc")
    write_pkl(wham(), folder / "wham_output.pkl")
    return folder


@pytest.mark.parametrize("code", examples())
def test_the_examples_are_true(code, folder, monkeypatch):
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "kinema":
            assert hasattr(kinema, node.attr), f"kinema.{node.attr} does not exist"
    if "clip.mp4" in code:  # needs a video and the networks; tests/pipeline/test_examples.py runs such code
        return
    monkeypatch.chdir(folder)
    exec(compile(tree, "docstring", "exec"), {"kinema": kinema, "motion": walk()})


def test_there_are_examples():
    assert len(examples()) >= 10
