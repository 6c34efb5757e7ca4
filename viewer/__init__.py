"""view4d: a real-time viewer for trained 4D models."""

__version__ = "0.1.0"
