"""Google Cloud: credentials by google-auth, and the clusters of Google Kubernetes Engine."""
