"""The streaming estimator and what drives it: events in, poses out, no ROS."""
