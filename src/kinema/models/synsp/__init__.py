"""SynSP: a transformer that refines pose sequences, all joints together, of one or several views.

Wang et al., "SynSP: Synergy of Smoothness and Precision in Pose Sequences Refinement", CVPR 2024. The authors' licence
file is Apache-2.0, their README asks for non-commercial research use. The user names a checkpoint of theirs
(https://github.com/InvertedForest/SynSP) or of `kinema train refiner`; the weights catalogue has none.
"""
