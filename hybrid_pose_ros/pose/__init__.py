"""Keypoints, heatmaps, cameras and multi-view geometry."""
