"""What ``dreamnet doctor`` looks at: small checks, each answering findings. A new one is a line in ``CHECKS``."""
