"""Images of commits: built by buildah, by docker's buildx, or by Google Cloud Build (the port ``Builder``)."""
