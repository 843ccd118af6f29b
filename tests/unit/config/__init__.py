"""The configuration: reading, checking, caching, describing."""
