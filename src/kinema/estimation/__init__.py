"""From landmarks to a body: fitting pose, shape and root translation over all frames of a track."""

from kinema.estimation.options import FitOptions as FitOptions
from kinema.estimation.options import SolverOptions as SolverOptions
from kinema.estimation.stage import fit_body as fit_body
