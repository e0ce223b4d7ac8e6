"""How `kinema weights` shows the catalogue: a table with two lines for each entry, and one entry in full."""

from __future__ import annotations

from typing import Any

from rich.padding import Padding
from rich.text import Text

from kinema.terminal import console
from kinema.weights.hub import Status
from kinema.weights.proof import TOLD

_STATES = {
    "ready": "ready",
    "missing": "on first use",
    "damaged": "corrupted",
    "licence": "needs licence",
}
_STYLES = {"ready": "green", "damaged": "bold red", "licence": "yellow"}
_USES = {
    "any": "commercial use included",
    "unclear": "nobody grants the weights in writing, or some training data is for academic use",
    "research": "non-commercial research only",
}


def print_table(statuses: list[Status]) -> None:
    """Every entry: its use, size, what vouches for its hash, its state, what it is and what it learned from; then what
    these words mean."""
    out = console()
    _line(out, "name", "use", "size", "sha256", Text("state"), "bold")
    for each in statuses:
        entry = each.entry
        _line(out, entry.name, entry.licence.use, _megabytes(each), TOLD[each.proof], state_of(each))
        data = "" if entry.data is None else f"; trained on {entry.data.name}"
        out.print(f"  {entry.what}{data}", style="dim")
    uses = {each.entry.licence.use: None for each in statuses}
    _explain(out, "use", {use: text for use, text in _USES.items() if use in uses})
    known = [each.entry.data for each in statuses if each.entry.data is not None]
    _explain(out, "trained on", {data.name: data.terms for data in known})


def _line(out: Any, name: str, use: str, size: str, sha256: str, state: Text, style: str = "") -> None:
    row = Text(f"{name:<26}{use:<9}{size:>9}  {sha256:<15}", style)
    out.print(row.append_text(state))


def _explain(out: Any, title: str, words: dict[str, str]) -> None:
    out.print(f"\n{title}", style="bold")
    for word, text in words.items():
        out.print(Padding(f"{word}: {text}", (0, 0, 0, 2)), highlight=False)


def print_hashes(statuses: list[Status]) -> None:
    """The sha256 of every file."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("sha256", overflow="fold")
    for each in statuses:
        table.add_row(each.entry.name, _megabytes(each), state_of(each), each.sha256 or "")
    console().print(table)


def print_details(status: Status) -> None:
    """One entry in full."""
    entry, shown = status.entry, console()
    data = "nothing is known" if entry.data is None else f"{entry.data.name}: {entry.data.terms}"
    member = f", {entry.member}" if entry.member else ""
    rows = {
        "description": entry.what,
        "licence": f"{entry.licence.name}: {entry.licence.summary}",
        "full text": entry.licence.url,
        "trained on": data,
        "source": f"{entry.place.source}{member}" if entry.place else entry.instructions,
        "size": _megabytes(status) or "not published",
        "sha256": _hash(status),
        "file": str(status.path),
    }
    shown.print(entry.name, style="bold")
    for title, text in rows.items():
        shown.print(f"  {title + ':':<12} {text}", soft_wrap=True)
    shown.print(Text(f"  {'state:':<12} ").append_text(state_of(status)))


def _hash(status: Status) -> str:
    """The sha256 and what vouches for it."""
    sha256 = status.sha256 or status.entry.sha256
    if sha256 is None:
        digits = f", begins with {status.entry.digits}" if status.entry.digits else ""
        return f"not published{digits}; recorded at the first fetch and checked from then on"
    return f"{sha256} ({TOLD[status.proof]})"


def state_of(status: Status) -> Text:
    """The state in words, coloured."""
    if status.state == "missing" and status.entry.place is None:
        return Text("add yourself")
    return Text(_STATES[status.state], _STYLES.get(status.state, ""))


def _megabytes(status: Status) -> str:
    size = status.size if status.size is not None else status.entry.size
    if size is None and status.entry.about is not None:
        return f"~{status.entry.about / 1e6:.0f} MB"
    return f"{size / 1e6:.1f} MB" if size else ""


def as_dict(status: Status) -> dict[str, Any]:
    """One entry for programs."""
    entry = status.entry
    return {
        "name": entry.name,
        "group": entry.group,
        "what": entry.what,
        "state": status.state,
        "path": str(status.path),
        "sha256": status.sha256,
        "expected_sha256": entry.sha256,
        "hash": status.proof,
        "size": status.size,
        "expected_size": entry.size or entry.about,
        "source": entry.place.source if entry.place else "user",
        "package_sha256": entry.place.sha256 if entry.place else None,
        "instructions": entry.instructions or None,
        "licence": entry.licence.name,
        "licence_url": entry.licence.url,
        "research_only": entry.licence.research_only,
        "use": entry.licence.use,
        "trained_on": None if entry.data is None else {"name": entry.data.name, "terms": entry.data.terms},
    }
