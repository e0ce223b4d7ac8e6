"""SMPL: the licensed body model (Loper et al., "SMPL: A skinned multi-person linear model", 2015).

No network: its file is read by `kinema.body`, and the free body stands in where there is none. It is for non-commercial
research, from https://smpl.is.tue.mpg.de; Meshcapade sells commercial licences.
"""
