"""A thin layer over moderngl; it knows nothing of what splats mean."""
