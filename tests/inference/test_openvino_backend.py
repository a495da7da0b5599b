"""What OpenVINO computes in, by a stand-in for it: a processor that lacks bfloat16 is not at hand everywhere."""

import sys
from types import SimpleNamespace

import pytest

from bench.errors import BenchError
from bench.inference.backends.openvino import OpenVino

CARD = SimpleNamespace(
    exits=(SimpleNamespace(file="step-1.onnx", features=""),),
    exit_specs=(),
    precision="float32",
    preprocessing=SimpleNamespace(size=(64, 32)),
)


@pytest.fixture
def computing_in(monkeypatch):
    """``computing_in(type)`` is an OpenVINO that computes in this type, whatever it is asked for."""

    def stand_in(computes):
        compiled = SimpleNamespace(get_property={"INFERENCE_PRECISION_HINT": computes}.__getitem__)
        core = SimpleNamespace(
            read_model=lambda path: SimpleNamespace(get_ordered_ops=list), compile_model=lambda *given: compiled
        )
        engine = SimpleNamespace(Core=lambda: core, Type=SimpleNamespace(bf16="bf16"))
        monkeypatch.setitem(sys.modules, "openvino", engine)

    return stand_in


def test_bfloat16_is_refused_where_float32_would_be_computed(computing_in, tmp_path):
    computing_in("bf16")
    assert OpenVino(tmp_path, CARD, "bfloat16", 1).precision == "bfloat16"
    computing_in("f32")
    assert OpenVino(tmp_path, CARD, "float32", 1).precision == "float32"
    with pytest.raises(BenchError, match="cannot compute in bfloat16 on this processor"):
        OpenVino(tmp_path, CARD, "bfloat16", 1)
