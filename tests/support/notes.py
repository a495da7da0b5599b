"""A reporter that keeps its notes."""

from bench.progress import SilentReporter


class Notes(SilentReporter):
    """Keeps what is noted in ``said``."""

    def __init__(self):
        self.said: list[str] = []

    def note(self, message: str) -> None:
        self.said.append(message)
