"""CUDA: kernels as text, compiled when they are wanted, and the device that runs them."""
