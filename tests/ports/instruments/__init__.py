"""Simulators of real instruments."""
