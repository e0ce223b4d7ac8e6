"""Files and options made to crash, hang or exhaust Kinema: every reader and command answers them with a sentence."""
