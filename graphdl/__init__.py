"""The neural-network compiler you can read."""
