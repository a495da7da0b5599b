"""Contract tests of plug-ins: what every registered plug-in of a kind must keep, for their authors.

::

    python -m pytest -p bench.testing.plugin --pyargs bench.testing --of my-package

runs them over all that the distribution ``my-package`` registers; without ``--of``, over everything. They need pytest.
"""
