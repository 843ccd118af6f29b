"""Webhooks that are called when a dream waits for a person: a signed one of anybody's, and Slack's."""
