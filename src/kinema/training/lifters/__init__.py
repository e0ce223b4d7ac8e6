"""Training of the published lifters, VideoPose3D and P-STMO, on data sets in the layout of VideoPose3D's authors."""
