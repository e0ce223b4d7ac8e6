"""The first stage of P-STMO's training: an autoencoder that fills in hidden joints and frames of 2D poses.

It needs no 3D data. The two encoders that it trains are the first two of P-STMO.
"""
