"""One writer per format that events can be converted to."""
