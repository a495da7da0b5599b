"""The command line: the only room that prints. Torch is imported nowhere here, so help and lists are instant."""

from bench.cli.ending import guarded


def main() -> None:
    """Run the command line. The commands are imported inside the guard: Ctrl-C ends plainly from the start."""
    with guarded():
        from bench.cli.app import app, refuse_empty_values

        refuse_empty_values()
        app()


__all__ = ["main"]
