"""FBX through the user's own Blender: the format has no free specification, and Blender writes it well.

The motion is written as a GLB (see there: skinned bodies, true times) into a temporary folder, and Blender is run in
the background with `blender_fbx.py`, which turns it into an FBX at the clip's mean rate. Blender is looked for under
`blender=`, the environment variable KINEMA_BLENDER, on the PATH and in the usual places.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import InputError, UsageError
from kinema.formats import glb
from kinema.formats.report import WriteReport
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

VARIABLE = "KINEMA_BLENDER"
"""Environment variable that may name Blender's executable."""

_USUAL = (
    "/Applications/Blender.app/Contents/MacOS/Blender",
    "/snap/bin/blender",
    "/usr/local/bin/blender",
    "C:/Program Files/Blender Foundation/*/blender.exe",
)
_SCRIPT = Path(__file__).with_name("blender_fbx.py")
_LONGEST = 3600


def find_blender(given: str | Path | None = None) -> Path:
    """Blender's executable. Raises UsageError that says where it was looked for and what to do instead."""
    for source, name in (("`blender`", given), (VARIABLE, os.environ.get(VARIABLE))):
        if name:
            found = shutil.which(str(name))
            if found is None:
                raise UsageError(f"{source} names {name}, which is no program that can be run; correct it")
            return Path(found)
    on_path = shutil.which("blender")
    if on_path is not None:
        return Path(on_path)
    for usual in _USUAL:
        anchor = Path(Path(usual).anchor)
        for found_there in sorted(anchor.glob(str(Path(usual).relative_to(anchor))), reverse=True):
            return found_there
    raise UsageError(
        "FBX is written by Blender, which was not found; install it from blender.org, name it with `blender` or"
        f" {VARIABLE}, or export glb or usd, which need nothing"
    )


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    vertices: bool = False,
    blender: str | Path | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write everybody into one FBX. blender: its executable, default as the module says.

    Raises UsageError (no Blender), InputError (Blender failed; its last words are in the message), OutputError.
    """
    report = WriteReport() if report is None else report
    program = find_blender(blender)
    own = WriteReport()
    seconds = float(motion.times[-1] - motion.times[0])
    with tempfile.TemporaryDirectory(prefix="kinema-fbx-") as folder, atomic_path(path) as temporary:
        source = glb.write(motion, Path(folder) / "motion.glb", body=body, report=own)
        command = [str(program), "--background", "--factory-startup", "--python-exit-code", "1"]
        command += ["--python", str(_SCRIPT), "--", str(source), str(temporary), repr(motion.fps), repr(seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"Blender ({program}) could not be run to its end: {error}") from None
        if done.returncode or not temporary.stat().st_size:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise InputError(f"Blender ({program}) did not write the FBX; it said: {said[-1] if said else 'nothing'}")
    for note in own.notes:
        report.notes.add(note)
    report.notes.add(f"written by {program} at {motion.fps:.6g} frames a second")
    report.paths.append(path)
    return path
