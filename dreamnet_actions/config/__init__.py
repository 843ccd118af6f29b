"""Configuration: a guarded reader that knows lines, the models, and their composed schema."""
