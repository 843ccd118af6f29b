"""What tests of DreamNet, and of what builds on it, may use: working adapters in memory, and a suite per port."""
