"""From landmarks to a body: the fit of pose, shape and root translation over all frames of a track."""

from kinema.estimation.fitting import FitOptions as FitOptions
from kinema.estimation.fitting import fit_body as fit_body
from kinema.estimation.solver import SolverOptions as SolverOptions
