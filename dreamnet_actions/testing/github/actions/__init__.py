"""The workflow engine of the stand-in: which workflows an event starts, and running them with act."""
