"""synthped: pedestrians rendered from a seed, written in Market-1501 layout. It is a rendered set and says so.

numpy and Pillow alone draw the figures; importing this package never imports a deep learning framework, so that the
rendering processes start at once.
"""

from bench.data.synthped.spec import RENDERER_VERSION, SIZES, SynthPedSpec, sized_spec

__all__ = ["RENDERER_VERSION", "SIZES", "SynthPedSpec", "sized_spec"]
