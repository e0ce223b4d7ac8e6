"""The last stage of P-STMO on data sets: image positions of the joints, at the lifted depths, correct the lifted ones.

It needs the camera and the true depth of the root, which only data sets know.
"""
