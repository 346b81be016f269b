"""Recordings: reading and writing files."""
