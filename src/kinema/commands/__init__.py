"""The commands, one module each; thin: they fill configuration and print."""
