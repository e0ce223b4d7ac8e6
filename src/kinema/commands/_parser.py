"""The command-line parser: commands in groups, one-line errors, and suggestions for mistyped names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line on stderr and exit code 2, with a suggestion for mistyped names.

    groups: heading -> names of its subcommands, in the order of the help; None lists them as argparse does.
    """

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headings = groups

    @property
    def command(self) -> str:
        """The full command, such as "kinema evaluate motion"."""
        return self.prog

    def subcommands(self) -> argparse._SubParsersAction[Any] | None:
        """The action that holds the subcommands, None if there are none."""
        return next((a for a in self._actions if isinstance(a, argparse._SubParsersAction)), None)

    def options(self) -> list[str]:
        """The option strings shown in the help."""
        shown = [action for action in self._actions if action.help is not argparse.SUPPRESS]
        return [word for action in shown for word in action.option_strings]

    def flags(self) -> dict[str, str]:
        """The flag of each setting: name -> flag."""
        return {
            action.dest: next((w for w in action.option_strings if w.startswith("--")), action.option_strings[0])
            for action in self._actions
            if action.option_strings and action.help is not argparse.SUPPRESS
        }

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As in argparse, but unknown arguments are errors; the namespace's `flags` are the innermost command's."""
        args = list(sys.argv[1:] if args is None else args)
        if self.subcommands() is None:
            self._refuse(self._unknown(args))
        found, extra = super().parse_known_args(args, namespace)
        self._refuse(extra)
        if self.subcommands() is None:
            found.flags = self.flags()
        return found, extra

    def error(self, message: str) -> NoReturn:
        """One line on stderr; exit code 2."""
        line = " ".join(message.split())
        self.exit(2, f"kinema: {line}; see `{self.command} --help`\n")

    def no_such(self, what: str, word: str, known: Iterable[str]) -> NoReturn:
        """Report that there is no `word`, with a suggestion. what: "command", "option"."""
        known = list(known)
        near = f"kinema run {word}" if what == "command" and os.path.exists(word) else nearest(word, known)
        hint = f"did you mean `{near}`?" if near else f"see `{self.command} --help`"
        place = "" if " " not in self.command else f" of `{self.command}`"
        self.exit(2, f"kinema: there is no {what} `{word}`{place}; {hint}\n")

    def format_help(self) -> str:
        """The help, with subcommands below their headings."""
        held = self.subcommands()
        if self._headings is None or held is None:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        lines = {line.dest: line for line in held._get_subactions()}
        for heading, names in self._headings.items():
            formatter.start_section(heading)
            formatter.add_arguments([lines[name] for name in names if name in lines])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action is not held])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            self.no_such("command" if self.command == "kinema" else "subcommand", str(value), action.choices)
        super()._check_value(action, value)

    def _unknown(self, args: Sequence[str]) -> list[str]:
        """Long options among `args` that no option of this parser begins with."""
        words = [word.partition("=")[0] for word in (args[: args.index("--")] if "--" in args else args)]
        long = [word for word in words if word.startswith("--") and len(word) > 2]
        return [word for word in long if not any(known.startswith(word) for known in self._option_string_actions)]

    def _refuse(self, extra: Sequence[str]) -> None:
        """Exit if there are arguments that nothing takes."""
        if not extra:
            return
        option = next((word.partition("=")[0] for word in extra if word.startswith("-")), None)
        if option is not None:
            self.no_such("option", option, self.options())
        self.error(f"unexpected argument `{extra[0]}`")


_MEANT = {
    "--time-range": ("start", "begin", "from", "end", "stop", "to", "until", "duration", "seconds", "trim"),
    "--max-persons": ("people", "persons", "num-people", "num-persons"),
    "--filter": ("smooth", "smoothing"),
    "--no-overlay": ("no-video", "no-render"),
}
"""Options that do what other programs call by these words."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that does what `word` says elsewhere, else the one closest to it; None if none is close."""
    from difflib import get_close_matches

    bare = {each.lstrip("-"): each for each in known}
    word = word.lstrip("-")
    for option, words in _MEANT.items():
        if word in words and option in bare.values():
            return option
    # Two letters of three that are exchanged are that close.
    found = get_close_matches(word, list(bare), 1, 0.66)
    return bare[found[0]] if found else None
