"""The two ways in which the program says no."""

LINE_ENDS = {ord(c): " " for c in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}


class Unusable(Exception):
    """A file or a machine cannot serve. The exit code is 1; in the window it fills the error panel.

    cause: one line: the file, what was found, what was expected. fix: what the user can do.
    """

    def __init__(self, cause: str, fix: str = "") -> None:
        cause = cause.translate(LINE_ENDS)  # names from a damaged file may hold anything
        super().__init__(cause, fix)
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.cause} ({self.fix})" if self.fix else self.cause


class BadArgument(Exception):
    """The command line or an option asks for what cannot be. The exit code is 2; one line."""


class Cancelled(Exception):
    """The user stopped a long piece of work."""
