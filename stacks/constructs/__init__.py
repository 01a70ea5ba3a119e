"""Constructs: each builds one thing, from keyword-only properties."""
