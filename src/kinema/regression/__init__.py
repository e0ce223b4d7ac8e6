"""From a person's picture to a body: crops, cameras, joints, and the networks that regress SMPL (PARE)."""
