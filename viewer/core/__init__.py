"""What a frame is made of: values and pure functions, numpy and torch only."""
