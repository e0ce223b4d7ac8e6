"""RIFE in the form in which it runs fast."""
