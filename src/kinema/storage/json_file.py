"""Untrusted JSON files: parsed within a budget, with one-sentence errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kinema.errors import InputError
from kinema.storage.unreadable import unreadable

LARGEST = 2**30
"""Size in bytes of the largest file that is read; its values take about ten times as much memory."""


def load_json(path: str | Path) -> Any:
    """The value in a JSON file. NaN and Infinity, which some programs write, are numbers.

    Raises InputError for a file that is missing, unreadable, not JSON, too large or nested too deeply.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST // 2**30} GB; cut it into pieces")
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    if not content.strip():
        raise InputError(f"{path} is empty; write it again")
    try:
        return json.loads(content)
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be read") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a JSON file: it is not text") from None
    except ValueError as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(error)[:80]
        raise InputError(f"{path} is not a complete JSON file ({place}); write it again") from None
