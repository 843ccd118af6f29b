"""A real Kubernetes cluster for tests: built from source, in a network of its own."""
