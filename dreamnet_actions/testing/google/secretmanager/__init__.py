"""Secret Manager on loopback: a gRPC server on Google's published types, which the official client talks to unpatched.

What it does is what the API reference says (https://cloud.google.com/secret-manager/docs/reference/rpc); where that is
silent, the words are those that people report of the service, and the module says so.
"""
