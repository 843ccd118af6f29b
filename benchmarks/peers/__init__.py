"""The peers of the benchmark ``deploy``, built from source: each in a Go module of its own; their libraries clash."""
