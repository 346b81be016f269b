"""One module per packet encoding: bytes to events."""
