"""The commands, one module each; thin: they build options and print results."""
