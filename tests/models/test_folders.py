"""Every model's folder is alike: it says what it is, imports nothing by itself, and loads torch in `network` and
`..._network` only."""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import kinema.models

FOLDERS = sorted(each.name for each in pkgutil.iter_modules(kinema.models.__path__) if each.ispkg)


def imported(path: Path) -> set[str]:
    """First words of what a module imports when it is loaded itself: not in functions, not for types only."""
    found: set[str] = set()
    waiting = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test)
        ):
            waiting += node.body
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_says_what_it_is_and_imports_nothing(name):
    module = import_module(f"kinema.models.{name}")
    assert module.__doc__
    assert not imported(Path(str(module.__file__)))


@pytest.mark.parametrize("name", FOLDERS)
def test_torch_is_loaded_by_networks_only(name):
    folder = Path(str(import_module(f"kinema.models.{name}").__file__)).parent
    for path in folder.rglob("*.py"):
        needs = {
            each
            for each in imported(path)
            if each.split(".")[0] == "torch" or each.endswith((".network", f"{name}.point_network"))
        }
        assert path.stem.endswith("network") or not needs, path


@pytest.mark.parametrize("name", FOLDERS)
def test_facts_options_and_weights_need_no_runtime(name):
    folder = Path(str(import_module(f"kinema.models.{name}").__file__)).parent
    light = {"facts.py", "options.py", "weights.py"}
    for path in (each for each in folder.iterdir() if each.name in light):
        outside = {each.split(".")[0] for each in imported(path)} - {"__future__", "kinema", "dataclasses", "numpy"}
        assert not outside, path
