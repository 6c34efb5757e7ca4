"""The interface: State in, (State, Actions) out. It knows neither torch nor OpenGL nor glfw."""
