"""Options: frozen dataclasses whose fields are described once, for Python, the command line and the docs.

    @dataclass(frozen=True)
    class FitOptions:
        height: float | None = setting(None, "height of the people in metres", public=True)

A public setting has one name everywhere: `kinema.run(height=1.8)`, `--height 1.8`, `{"height": 1.8}` in run.json.
Error messages name it in backquotes, "`height` must be positive", which the command line turns into the flag.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from kinema.errors import UsageError

_METADATA = "kinema.setting"


@dataclass(frozen=True)
class Setting:
    """The description of one field of an options class.

    name: of the field. help: one line. public: the name under which `kinema.run` and the command line know it, None
    where only Python does. type: of its value, None aside. default. metavar, choices: for help. group: heading in
    the help. parse: text -> value, where the type alone does not say. off: the flag that sets a bool to False.
    many: a tuple, whose flag may be given again. aliases: other spellings that the command line takes. neutral: whether
    results are the same, bit for bit, whatever its value, so that it is no part of a run's identity.
    """

    name: str
    help: str
    public: str | None = None
    type: type = str
    default: Any = None
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    group: str | None = None
    parse: Callable[[str], Any] | None = None
    off: bool = False
    many: bool = False
    aliases: tuple[str, ...] = ()
    neutral: bool = False

    @property
    def flag(self) -> str:
        """Its command-line flag: "--max-persons"; "--no-overlay" if the flag turns the setting off."""
        word = (self.public or self.name).replace("_", "-")
        return f"--no-{word}" if self.off else f"--{word}"

    @property
    def about(self) -> str:
        """The help with the default, where the text does not speak of one already."""
        silent = self.default is None or isinstance(self.default, (bool, tuple)) or "default" in self.help
        if silent or not isinstance(self.default, (int, float, str)):
            return self.help
        return f"{self.help} (default: {self.default})" if self.help else f"default: {self.default}"


def setting(
    default: Any = MISSING,
    help: str = "",
    *,
    public: bool | str = False,
    factory: Callable[[], Any] | None = None,
    metavar: str | None = None,
    choices: Sequence[str] | None = None,
    group: str | None = None,
    parse: Callable[[str], Any] | None = None,
    off: bool = False,
    aliases: Sequence[str] = (),
    neutral: bool = False,
) -> Any:
    """A dataclass field with its description. public: True for the field's own name, or another name."""
    about = {
        "help": help, "public": public, "metavar": metavar, "group": group, "parse": parse, "off": off,
        "choices": None if choices is None else tuple(choices), "aliases": tuple(aliases),
        "neutral": neutral,
    }  # fmt: skip
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata={_METADATA: about})
    return dataclasses.field(default=default, metadata={_METADATA: about})


def same_as(cls: type, name: str, default: Any = MISSING, **changes: Any) -> Any:
    """A dataclass field that means what the field `name` of another options class means, but for `changes`."""
    found = {field.name: field for field in dataclasses.fields(cls)}[name]
    about = {**found.metadata[_METADATA], **changes}
    kept = found.default if default is MISSING else default
    return dataclasses.field(default=kept, metadata={_METADATA: about})


def settings_of(cls: type) -> dict[str, Setting]:
    """The settings of an options class by field name, in order; fields without a description are left out."""
    hints = typing.get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        about = field.metadata.get(_METADATA)
        if about is None:
            continue
        public = field.name if about["public"] is True else about["public"] or None
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        found[field.name] = Setting(
            **{**about, "public": public}, name=field.name, default=default,
            type=_plain(hints[field.name]), many=typing.get_origin(hints[field.name]) is tuple,
        )  # fmt: skip
    return found


def _plain(hint: Any) -> type:
    """The type of a field's values: int of `int | None` and `tuple[int, ...]`, Path of `str | Path | None`."""
    members = [hint]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [member for member in typing.get_args(hint) if member is not type(None)]
    chosen = members[-1]
    if typing.get_origin(chosen) is tuple:
        chosen = typing.get_args(chosen)[0]
    chosen = typing.get_origin(chosen) or chosen
    return chosen if isinstance(chosen, type) else str


def identity_of(value: Any) -> Any:
    """`value` as plain containers, and options in it as dicts without their neutral settings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [f.name for f in dataclasses.fields(value) if not f.metadata.get(_METADATA, {}).get("neutral")]
        return {name: identity_of(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {key: identity_of(item) for key, item in value.items()}
    return [identity_of(item) for item in value] if isinstance(value, (list, tuple)) else value


def in_flags(message: str, flags: Mapping[str, str]) -> str:
    """A library's message in the terms of the command line: `name` in backquotes becomes its flag if it has one."""
    if "out" not in flags:  # a file that cannot be written was named by another flag: the advice has none to name
        message = message.replace(" with `out`", "")
    return re.sub(r"`(\w+)`", lambda match: flags.get(match[1], match[1]), message)


def require(condition: bool, name: str, must: str, found: Any) -> None:
    """Raise UsageError("`name` must ..., found ...") unless the condition holds."""
    if not condition:
        raise UsageError(f"`{name}` must {must}, found {found}")


def clock_seconds(text: str) -> float:
    """Seconds from 12.5, 0:12.5 or 1:02:03. Raises UsageError."""
    total = 0.0
    try:
        for part in text.strip().split(":"):
            total = total * 60 + float(part)
    except ValueError:
        total = math.nan
    if not 0 <= total < math.inf:
        raise UsageError(f"{text!r} is not a time; write seconds or minutes:seconds, for instance 12.5 or 0:12.5")
    return total
