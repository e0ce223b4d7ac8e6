"""NLF, neural localizer fields: any point of the body, in 3D, from a crop of a person, in torch.

Sárándi and Pons-Moll, "Neural localizer fields for continuous 3D human pose and shape estimation", NeurIPS 2024.
"""
