"""Network architectures as plain torch modules, one file each. Nothing here is imported by the base."""
