"""The hardware behind its ports."""
