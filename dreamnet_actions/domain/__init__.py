"""Pure values and rules. No I/O, no clock, no environment, no randomness of its own."""
