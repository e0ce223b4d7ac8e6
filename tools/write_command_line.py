"""Write docs/command-line.md from the parsers: every command, its arguments, what they mean and their defaults.

python tools/write_command_line.py            # or: make docs
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from kinema.commands._dispatcher import GROUPS, build_parser
from kinema.commands._parser import Parser

PAGE = Path(__file__).resolve().parent.parent / "docs" / "command-line.md"

HEAD = """\
# The command line

Written by `make docs` from the commands themselves; `kinema COMMAND --help` says the same.

A motion file may be one of any format that Kinema reads, or the folder of a run, which stands for its
`smpl_output.pkl`. `--json` prints JSON, and nothing else, on stdout. Exit codes: 0 done; 1 the answer is no (a
validator's FAIL); 2 wrong use; 3 bad input. Every command takes `--debug`, which shows an error's full traceback.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for heading, commands in GROUPS.items():
        parts.append(f"## {heading.capitalize()}\n")
        for name, summary in commands.items():
            held = build_parser(name).subcommands()
            assert held is not None
            parts += _command(held.choices[name], summary, 3)
    return "\n".join(parts)


def _command(parser: Parser, summary: str, level: int) -> Iterator[str]:
    """The section of a command, and those of its subcommands."""
    yield f"{'#' * level} `{parser.command}`\n"
    yield f"{summary[:1].upper()}{summary[1:]}.\n"
    if parser.description:
        yield f"```text\n{parser.description.strip()}\n```\n"
    if parser.epilog:
        examples = parser.epilog.removeprefix("examples:\n")
        yield f"```sh\n{chr(10).join(line.strip() for line in examples.strip().splitlines())}\n```\n"
    held = parser.subcommands()
    if held is not None:
        for action in held._get_subactions():
            yield from _command(held.choices[action.dest], action.help or action.dest, level + 1)
        return
    for group in parser._action_groups:
        rows = [action for action in group._group_actions if _shown(action)]
        if rows:
            title = {"positional arguments": "argument", "options": "option", "optional arguments": "option"}
            yield f"| {title.get(str(group.title), group.title)} | meaning |\n|---|---|"
            yield "\n".join(f"| {_spelling(action)} | {_meaning(parser, action)} |" for action in rows) + "\n"


def _shown(action: argparse.Action) -> bool:
    return action.help is not argparse.SUPPRESS and action.dest not in ("help", "debug")


def _spelling(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    if action.choices is not None and action.metavar is None:
        value = "\\|".join(map(str, action.choices))
    value = f"[{value}]" if action.nargs == "?" else value
    return f"`{' '.join([*action.option_strings[-1:], *([value] if value else [])])}`"


def _meaning(parser: Parser, action: argparse.Action) -> str:
    told = " ".join(parser._get_formatter()._expand_help(action).split()) if action.help else ""
    if action.required and action.option_strings:
        told = f"{told} (required)".strip()
    return told.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
