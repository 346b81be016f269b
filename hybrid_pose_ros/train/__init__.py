"""Data sets, losses and the training loop."""
