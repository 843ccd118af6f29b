"""The process platform: services as real local processes behind weighted addresses."""
