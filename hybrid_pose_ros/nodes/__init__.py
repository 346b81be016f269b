"""ROS 2 nodes: parameters, messages, topics; no mathematics."""
