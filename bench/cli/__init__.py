"""The command line: the only room that prints. Torch is imported nowhere here, so help and lists are instant."""

import sys

from bench.cli.ending import guarded


def main() -> None:
    """Run the command line. The commands are imported inside the guard: Ctrl-C ends plainly from the start."""
    with guarded():
        from bench.cli.app import application, refuse_empty_values

        refuse_empty_values()
        application(*sys.argv[1:])()


__all__ = ["main"]
