"""Arguments of the commands from the settings of options classes, and the arguments that many commands share.

What a setting means is written once: in its class, or below.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kinema.errors import UsageError
from kinema.options import Setting, settings_of

HEADINGS = ("people", "camera", "result", "running")
"""Groups of settings in the order in which help shows them; those without a group come first."""

Options = TypeVar("Options")


def add_settings(
    parser: argparse.ArgumentParser,
    settings: Iterable[Setting] | type,
    *names: str,
    group: str | None = None,
) -> None:
    """An argument for each setting, or for each of an options class. What is left out on the command line is None in
    `args`, so that the default stays with the options.

    names: only these fields of the class. group: the heading for those that have none of their own.
    """
    if isinstance(settings, type):
        known = settings_of(settings)
        settings = [known[name] for name in names] if names else known.values()
    given = list(settings)
    headings = dict.fromkeys((None, *HEADINGS, *(each.group for each in given)))
    for heading in headings:
        own = [each for each in given if each.group == heading]
        if own:
            place = group_of(parser, heading or group)
            for each in own:
                _add(place, each)


def group_of(parser: argparse.ArgumentParser, heading: str | None) -> Any:
    """The parser's group with this heading, made where there is none."""
    if heading is None:
        return parser
    for group in parser._action_groups:
        if group.title == heading:
            return group
    return parser.add_argument_group(heading)


def given(args: argparse.Namespace, cls: type) -> dict[str, Any]:
    """The fields of an options class that the command line sets, by their own names."""
    found = {}
    for name, setting in settings_of(cls).items():
        value = getattr(args, setting.public or name, None)
        if value is not None:
            found[name] = tuple(dict.fromkeys(value)) if setting.many else value
    return found


def options_from(args: argparse.Namespace, cls: type[Options], **more: Any) -> Options:
    """The options that the command line asks for; `more` overrides it. Raises UsageError."""
    return cls(**{**given(args, cls), **more})


def _add(place: Any, setting: Setting) -> None:
    arguments: dict[str, Any] = {"dest": setting.public or setting.name, "help": setting.about.replace("%", "%%")}
    if setting.type is bool:
        arguments |= {"action": "store_const", "const": not setting.off, "default": None}
    else:
        convert: Callable[[str], Any] = setting.parse or setting.type
        if convert not in (str, Path):
            convert = _sentence(convert, setting)
        arguments |= {"type": convert, "metavar": setting.metavar, "choices": setting.choices}
        if setting.many:
            arguments["action"] = "append"
    add_argument(place, setting.flag, aliases=setting.aliases, **arguments)


def add_argument(place: Any, *flags: str, aliases: Sequence[str] = (), **arguments: Any) -> None:
    """An option, and other spellings of it, which work and are not shown."""
    action = place.add_argument(*flags, **arguments)
    add_aliases(place, action, aliases)


def add_aliases(place: Any, action: argparse.Action, aliases: Iterable[str]) -> None:
    """Further spellings of an option. Under argparse's own rules help would show them."""
    for alias in aliases:
        place._option_string_actions.setdefault(f"--{alias}", action)


def _sentence(convert: Callable[[str], Any], setting: Setting) -> Callable[[str], Any]:
    """The conversion, with errors as the parser wants them."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    converted.__name__ = getattr(convert, "__name__", setting.name)
    return converted


# --- what many commands share ---


def add_subcommand(subparsers: Any, name: str, help: str, module: Any) -> argparse.ArgumentParser:
    """A subcommand whose text comes from DESCRIPTION and EXAMPLES of a module."""
    sub: argparse.ArgumentParser = subparsers.add_parser(
        name, help=help, description=module.DESCRIPTION, epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_debug(sub)
    return sub


def add_debug(sub: argparse.ArgumentParser) -> None:
    """--debug of a subcommand: its parent knows it as well; here so that it may stand at the end of the line."""
    sub.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the full traceback of an error"
    )


def add_file(parser: Any, name: str = "file", help: str = "a motion file, or the folder of a run") -> None:
    """A motion file that is read; `motion_file` finds the file of a run's folder."""
    parser.add_argument(name, metavar=name.upper(), type=Path, help=help)


def add_reading(parser: Any) -> None:
    """How a motion file is read."""
    parser.add_argument(
        "--fps", type=float, metavar="N", help="frames a second of a file that does not say (default: 30)"
    )
    parser.add_argument(
        "--from", dest="format", metavar="FORMAT", help="the file's format (default: told by its contents)"
    )


def add_body(parser: Any, help: str = "an SMPL file (.pkl or .npz) in place of the free body") -> None:
    """The body."""
    parser.add_argument("--body-model", metavar="PATH", help=help)


def add_json(parser: Any, what: str, *, file: bool = False) -> None:
    """--json prints JSON, and nothing else, on stdout. file: --json FILE writes it there, beside the usual print."""
    if file:
        parser.add_argument(
            "--json", nargs="?", const="-", metavar="FILE", help=f"print {what} as JSON, or write it to FILE"
        )
    else:
        parser.add_argument("--json", action="store_true", help=f"print {what} as JSON")


def add_quiet(parser: Any) -> None:
    """--quiet."""
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
