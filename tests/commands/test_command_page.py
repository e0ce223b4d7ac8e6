"""docs/command-line.md matches the commands."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from kinema.commands._dispatcher import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def written() -> str:
    return runpy.run_path(str(ROOT / "tools" / "write_command_line.py"))["page"]()


def test_the_page_is_up_to_date(written):
    assert (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8") == written, "run `make docs`"


def test_every_command_has_its_section(written):
    for name in COMMANDS:
        assert f"\n### `kinema {name}`\n" in written


def test_every_argument_is_explained(written):
    rows = [line for line in written.splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [line for line in rows if line.endswith("|  |")] == []
