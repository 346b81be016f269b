"""Many people and cameras at once, in PyTorch: the simulator on a GPU (or a CPU)."""
