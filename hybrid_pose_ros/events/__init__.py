"""Event packets in, windows and tensors out."""
