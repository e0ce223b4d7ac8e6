"""HRNet: high-resolution representations (Sun et al. 2019), the backbone of PARE."""
