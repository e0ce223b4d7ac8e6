"""FBX through the user's own Blender: the format has no public specification, and Blender writes it well.

The motion is written as a GLB (see `glb`: skinned bodies, true times) to a temporary folder, and Blender runs
`blender_fbx.py` in the background, which converts it to an FBX at the clip's mean frame rate. Blender is searched for
under `blender=`, the environment variable KINEMA_BLENDER, on the PATH and in its usual locations.
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
from kinema.formats.timeline import without_pauses
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
_TIMEOUT = 3600


def find_blender(given: str | Path | None = None) -> Path:
    """Blender's executable. Raises UsageError, with the alternatives, if there is none."""
    for source, name in (("`blender`", given), (VARIABLE, os.environ.get(VARIABLE))):
        if name:
            found = shutil.which(str(name))
            if found is None:
                raise UsageError(f"{source} names {name}, which is not an executable program; correct it")
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
        f" {VARIABLE}, or export glb or usd, which do not need it"
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
    """Write everybody to one FBX. blender: its executable, by default found as described in the module.

    Raises UsageError (no Blender), InputError (Blender failed; its last message is included), OutputError.
    """
    report = WriteReport() if report is None else report
    program = find_blender(blender)
    own = WriteReport()
    motion = without_pauses(motion, own)
    seconds = float(motion.times[-1] - motion.times[0])
    with tempfile.TemporaryDirectory(prefix="kinema-fbx-") as folder, atomic_path(path) as temporary:
        source = glb.write(motion, Path(folder) / "motion.glb", body=body, report=own)
        command = [str(program), "--background", "--factory-startup", "--python-exit-code", "1"]
        command += ["--python", str(_SCRIPT), "--", str(source), str(temporary), repr(motion.fps), repr(seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"Blender ({program}) did not finish: {error}") from None
        if done.returncode or not temporary.stat().st_size:
            printed = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise InputError(
                f"Blender ({program}) did not write the FBX; its last output: {printed[-1] if printed else 'none'}"
            )
    for note in own.notes:
        report.notes.add(note)
    report.notes.add(f"written by {program} at {motion.fps:.6g} frames a second")
    report.paths.append(path)
    return path
