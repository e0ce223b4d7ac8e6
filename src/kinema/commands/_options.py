"""Arguments of a command from the settings of its options: what a setting means is written once, in its class."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kinema.errors import UsageError
from kinema.options import Setting

HEADINGS = ("people", "camera", "result", "running")
"""Groups of settings in the order in which help shows them; those without a group come first."""


def add_settings(parser: argparse.ArgumentParser, settings: Iterable[Setting]) -> None:
    """An argument for each setting. What is left out on the command line is None in `args`, so that the default
    stays with the options."""
    given = list(settings)
    headings = dict.fromkeys((None, *HEADINGS, *(each.group for each in given)))
    for heading in headings:
        own = [each for each in given if each.group == heading]
        if own:
            place = group_of(parser, heading)
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


def _add(place: Any, setting: Setting) -> None:
    name = setting.public or setting.name
    if setting.type is bool:
        place.add_argument(
            setting.flag, dest=name, action="store_const", const=not setting.off, default=None, help=setting.help
        )
        return
    convert: Callable[[str], Any] = setting.parse or setting.type
    if convert not in (str, Path):
        convert = _sentence(convert, setting)
    place.add_argument(
        setting.flag, dest=name, type=convert, metavar=setting.metavar, choices=setting.choices, help=setting.help
    )


def _sentence(convert: Callable[[str], Any], setting: Setting) -> Callable[[str], Any]:
    """The conversion, with errors as the parser wants them."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    converted.__name__ = getattr(convert, "__name__", setting.name)
    return converted
