"""The documentation points at things that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kinema.__main__ import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [t for t in targets if "://" not in t and not t.startswith("mailto:") and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page):
    """Every `kinema COMMAND ... --option` that a page shows is understood."""
    for line in re.findall(r"^ {4}(?:.*/)?kinema ([\w-]+)([^\n]*)$", page.read_text(encoding="utf-8"), flags=re.M):
        command, rest = line[0], line[1].split(" #")[0]
        assert command in COMMANDS, f"kinema {command}"
        options = re.findall(r"(?<!\S)--([\w-]+)", rest)
        known = _options(build_parser(command))
        assert set(options) <= known, f"kinema {command}: {set(options) - known}"


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
