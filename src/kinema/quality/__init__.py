"""Quality of a finished motion: the first sanity report that every run writes."""

from kinema.quality.report import write_report as write_report
from kinema.quality.sanity import Limits as Limits
from kinema.quality.sanity import Problem as Problem
from kinema.quality.sanity import SanityReport as SanityReport
from kinema.quality.sanity import check_motion as check_motion

__all__ = ["Limits", "Problem", "SanityReport", "check_motion", "write_report"]
