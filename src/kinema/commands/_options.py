"""Command-line arguments made from the settings of options classes, and those shared by several commands.

Each setting is documented once: in its class, or below.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kinema.errors import UsageError
from kinema.options import Setting, settings_of

HEADINGS = ("people", "camera", "result", "running")
"""Groups of settings in the order of the help; settings without a group come first."""

Options = TypeVar("Options")


def add_settings(
    parser: argparse.ArgumentParser,
    settings: Iterable[Setting] | type,
    *names: str,
    group: str | None = None,
) -> None:
    """Add an argument for each setting, or each setting of an options class. An argument that is not given is None in
    `args`, so that the options define the default.

    names: only these fields of the class. group: the heading for settings without a group.
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
    """The parser's group with this heading, created if needed."""
    if heading is None:
        return parser
    for group in parser._action_groups:
        if group.title == heading:
            return group
    return parser.add_argument_group(heading)


def given(args: argparse.Namespace, cls: type) -> dict[str, Any]:
    """The fields of an options class that were given on the command line, by name."""
    found = {}
    for name, setting in settings_of(cls).items():
        value = getattr(args, setting.public or name, None)
        if value is not None:
            found[name] = tuple(dict.fromkeys(value)) if setting.many else value
    return found


def options_from(args: argparse.Namespace, cls: type[Options], **more: Any) -> Options:
    """The options given on the command line; `more` overrides them. Raises UsageError."""
    return cls(**{**given(args, cls), **more})


def _add(place: Any, setting: Setting) -> None:
    arguments: dict[str, Any] = {"dest": setting.public or setting.name, "help": setting.about.replace("%", "%%")}
    if setting.type is bool:
        arguments |= {"action": "store_const", "const": not setting.off, "default": None}
    else:
        convert: Callable[[str], Any] = setting.parse or setting.type
        if convert not in (str, Path):
            convert = _reporting(convert, setting)
        arguments |= {"type": convert, "metavar": setting.metavar, "choices": setting.choices}
        if setting.many:
            arguments["action"] = "append"
    add_argument(place, setting.flag, aliases=setting.aliases, **arguments)


def add_argument(place: Any, *flags: str, aliases: Sequence[str] = (), **arguments: Any) -> None:
    """Add an option, and aliases that are accepted but not shown in the help."""
    action = place.add_argument(*flags, **arguments)
    add_aliases(place, action, aliases)


def add_aliases(place: Any, action: argparse.Action, aliases: Iterable[str]) -> None:
    """Add hidden aliases of an option; argparse's own would be shown in the help."""
    for alias in aliases:
        place._option_string_actions.setdefault(f"--{alias}", action)


def _reporting(convert: Callable[[str], Any], setting: Setting) -> Callable[[str], Any]:
    """The conversion, with errors that argparse reports."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    converted.__name__ = getattr(convert, "__name__", setting.name)
    return converted


# --- shared arguments ---


def add_subcommand(subparsers: Any, name: str, help: str, module: Any) -> argparse.ArgumentParser:
    """Add a subcommand whose help comes from DESCRIPTION and EXAMPLES of a module."""
    sub: argparse.ArgumentParser = subparsers.add_parser(
        name, help=help, description=module.DESCRIPTION, epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_debug(sub)
    return sub


def add_debug(sub: argparse.ArgumentParser) -> None:
    """Add --debug to a subcommand as well as its parent, so that it can come last on the line."""
    sub.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the full traceback of an error"
    )


def add_file(parser: Any, name: str = "file", help: str = "a motion file, or a run's folder") -> None:
    """Add an input motion file; `motion_file` finds the file in a run's folder."""
    parser.add_argument(name, metavar=name.upper(), type=Path, help=help)


def add_reading(parser: Any) -> None:
    """Add the arguments of reading a motion file, --fps and --from."""
    parser.add_argument(
        "--fps",
        type=float,
        metavar="N",
        help="frame rate, if the file has none (default: 30, but AMASS files need one)",
    )
    parser.add_argument(
        "--from", dest="format", metavar="FORMAT", help="the file's format (default: detected from its contents)"
    )


def output_file(given: Path | None, default: Path, *sources: Path) -> Path:
    """The file to write: the one given, else the default.

    Raises UsageError if it is a folder or one of the sources, OutputError if its folder cannot be written to.
    """
    from kinema.storage.atomic import check_place

    out = default if given is None else given
    if out.is_dir():
        raise UsageError(f"{out} is a folder; name a file in it")
    for source in sources:
        if out.exists() and source.exists() and out.samefile(source):
            raise UsageError(f"{out} would overwrite the input; name another file with `out`")
    check_place(out)
    return out


def add_profile(parser: Any, what: str) -> None:
    """Add --profile; an older name of a profile is accepted, too."""
    from kinema.quality.profiles import PROFILES, canonical_profile

    parser.add_argument(
        "--profile", choices=PROFILES, type=canonical_profile, default="default",
        help=f"video2pkl: {what} of the video2pkl pipeline (default: %(default)s)",
    )  # fmt: skip


def add_body(parser: Any, help: str = "an SMPL file (.pkl or .npz) to use instead of the free body") -> None:
    """Add --body-model."""
    parser.add_argument("--body-model", metavar="PATH", help=help)


NAMES = ("smpl", "mixamo", "unreal", "unity", "vrm")
"""The keys of `kinema.formats.naming.NAMINGS`, which is not loaded for a help page."""


def add_names(parser: Any) -> None:
    """Add --names."""
    parser.add_argument("--names", choices=NAMES, help="whose joint names bvh, glb, usd and fbx have (default: SMPL's)")


def add_json(parser: Any, what: str, *, file: bool = False) -> None:
    """Add --json: print JSON, and nothing else, on stdout. file: --json FILE writes a file, with the usual output."""
    if file:
        parser.add_argument(
            "--json", nargs="?", const="-", metavar="FILE", help=f"print {what} as JSON, or write it to FILE"
        )
    else:
        parser.add_argument("--json", action="store_true", help=f"print {what} as JSON")


def add_quiet(parser: Any) -> None:
    """Add --quiet."""
    parser.add_argument("--quiet", action="store_true", help="print errors only")
