"""A simulated person in front of simulated event cameras, with exact ground truth."""
