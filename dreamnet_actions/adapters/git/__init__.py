"""Commits and checkouts by the git command."""
