"""Judging what the graph published: errors, latency, energy, and the demo's report and film."""
