"""Sources and sinks that are files: dotenv values and the flags file."""
