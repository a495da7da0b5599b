"""Claims of DaRe (Wang et al., CVPR 2018)."""

from __future__ import annotations

from bench.findings.claims.contract import Answer, Claim, Evidence
from bench.findings.claims.switch import switched

OPTION = "deep_supervision"
"""The option of the network that leaves out all losses but that of the fused embedding."""


def deep_supervision(evidence: Evidence) -> Answer:
    """Test the fused embedding of networks trained with the losses of all stages, and with its own alone."""
    return switched(evidence, "dare", OPTION, on=True, off=False, exit_index=-1)


CLAIMS = (
    Claim(
        "dare-deep-supervision",
        "DaRe",
        "section 5.2",
        "Without deep supervision, the error rates increase by 2%",
        deep_supervision,
    ),
)
