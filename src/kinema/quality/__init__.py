"""Quality of a motion: is the file valid, does anything move, is the movement plausible.

    validation = validate_file("smpl_output.pkl")
    print(validation.verdict)                       # PASS, PASS_WITH_CLEANUP or FAIL

docs/validation.md describes the measures and where the limits come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.quality.limits import Limits as Limits
    from kinema.quality.limits import default_limits as default_limits
    from kinema.quality.problems import CLEANUP as CLEANUP
    from kinema.quality.problems import FAIL as FAIL
    from kinema.quality.problems import PASS as PASS
    from kinema.quality.problems import Problem as Problem
    from kinema.quality.report import write_report as write_report
    from kinema.quality.validation import Validation as Validation
    from kinema.quality.validation import validate_file as validate_file
    from kinema.quality.validation import validate_motion as validate_motion

__all__ = [
    "CLEANUP", "FAIL", "PASS", "Limits", "Problem", "Validation", "default_limits",
    "validate_file", "validate_motion", "write_report",
]  # fmt: skip
__getattr__ = late(
    __name__,
    {
        **dict.fromkeys(("Limits", "default_limits"), "kinema.quality.limits"),
        **dict.fromkeys(("CLEANUP", "FAIL", "PASS", "Problem"), "kinema.quality.problems"),
        "write_report": "kinema.quality.report",
        **dict.fromkeys(("Validation", "validate_file", "validate_motion"), "kinema.quality.validation"),
    },
)
