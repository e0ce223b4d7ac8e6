"""SynSP: synergy of smoothness and precision in pose refinement (Wang et al. 2024)."""
