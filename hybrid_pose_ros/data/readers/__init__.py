"""One reader per format of event files."""
