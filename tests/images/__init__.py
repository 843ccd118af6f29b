"""Images: built by real programs, looked up at real registries."""
