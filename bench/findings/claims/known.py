"""All claims, in the order of the table: adding one is one value in one of these tuples."""

from __future__ import annotations

from bench.findings.claims import dare, hashreid, light_networks

CLAIMS = (*hashreid.CLAIMS, *dare.CLAIMS, *light_networks.CLAIMS)
