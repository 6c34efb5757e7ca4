"""Thin programs over one library: each consumes what FramePath renders."""
