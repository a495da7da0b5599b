"""The command line: the only room that prints. Torch is imported nowhere here, so help and lists are instant."""

from bench.cli.main import main

__all__ = ["main"]
