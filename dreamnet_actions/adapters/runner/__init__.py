"""The runner of a workflow: its commands, and the files that a step may write to."""
