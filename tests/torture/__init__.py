"""Faults on purpose: commands are killed, their files damaged, their disk filled, and several run at once.

After each fault the same command runs again. It must end in what an undisturbed run keeps, or in one clear error.

``starting``, ``place`` and ``commands`` hold what is tortured, a file a kind holds how, ``tally`` what came of it.
``make torture`` runs all of it and prints a table; the tests run a small sample.
"""
