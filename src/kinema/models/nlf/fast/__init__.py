"""The crop model in the form in which it runs fast."""
