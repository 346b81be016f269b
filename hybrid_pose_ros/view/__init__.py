"""Pictures and videos of events and skeletons."""
