"""Progress and reports on the terminal or in a log."""
