"""The protocol of GitHub's runner: what a step writes for it to read."""
