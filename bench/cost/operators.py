"""The cost of each operator of a traced step.

The convention, which :mod:`bench.cost.macs` states in full, has two columns. ``macs`` are fused multiply-adds of
convolution, linear, matrix product, attention and recurrent layers. ``elementwise_operations`` are all other
computations. An operator that is missing from :data:`OPERATORS` is an error, never a zero. A plug-in whose network
needs another operator adds it: ``OPERATORS["mine::fold"] = free``.

A handler reads the operator's inputs and outputs as the tracer's values (``torch._C.Value`` with static shapes). It
returns :class:`Work`, or None for a form of the operator that it does not cover.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

Values = Sequence[Any]


class Work(NamedTuple):
    """Cost of one call of an operator, in both columns."""

    macs: int = 0
    elementwise_operations: int = 0


Handler = Callable[[Values, Values], Work | None]


def shape(value: Any) -> list[int]:
    """Shape of a traced tensor; raises ValueError for a value that is no tensor of known shape."""
    sizes = value.type().sizes() if value.isCompleteTensor() else None
    if sizes is None:
        raise ValueError(f"expected a tensor of known shape in the trace, found {value.type()}")
    return list(sizes)


def elements(value: Any) -> int:
    """Number of elements of a traced tensor; 0 for single integers, which are arithmetic on shapes, not on images."""
    if not value.isCompleteTensor():
        return 0
    sizes = shape(value)
    lone_integer = not sizes and value.type().scalarType() in ("Long", "Int", "Bool")
    return 0 if lone_integer else prod(sizes)


def _listed(value: Any) -> list[Any]:
    """Members of a list in the trace."""
    return list(value.node().inputs())


# ---- no work ---------------------------------------------------------------------------------------------------


def free(inputs: Values, outputs: Values) -> Work:
    """No cost: moves, reshapes, creates or converts tensors."""
    return Work()


def unruled(inputs: Values, outputs: Values) -> None:
    """No ruling on control flow and calls of scripted code: the operators inside are not in the trace."""
    return None


# ---- elementwise column ----------------------------------------------------------------------------------------


def per_output(operations: int) -> Handler:
    """Handler of operators with ``operations`` for each element of the output."""
    return lambda inputs, outputs: Work(0, operations * elements(outputs[0]))


def per_input(operations: int) -> Handler:
    """Handler of reductions: ``operations`` for each element of the input, or of the output if that has more."""
    return lambda inputs, outputs: Work(0, operations * max(elements(inputs[0]), elements(outputs[0])))


def window_pool(inputs: Values, outputs: Values) -> Work:
    """One operation for each element of each window."""
    window = prod(int(side.toIValue()) for side in _listed(inputs[1]))
    return Work(0, window * elements(outputs[0]))


# ---- multiply-adds ---------------------------------------------------------------------------------------------


def convolution(inputs: Values, outputs: Values) -> Work:
    """Every output position reads the whole filter (C_out, C_in / groups, ...)."""
    batch, _, *extent = shape(outputs[0])
    return Work(batch * prod(shape(inputs[1])) * prod(extent))


def transposed_convolution(inputs: Values, outputs: Values) -> Work:
    """Every input position writes the whole filter (C_in, C_out / groups, ...)."""
    batch, _, *extent = shape(inputs[0])
    return Work(batch * prod(shape(inputs[1])) * prod(extent))


def any_convolution(inputs: Values, outputs: Values) -> Work:
    """``aten::convolution`` and ``aten::_convolution``: the seventh input says whether they are transposed."""
    return (transposed_convolution if inputs[6].toIValue() else convolution)(inputs, outputs)


def product(left: int) -> Handler:
    """Handler of products of vectors or matrices: each output element sums over the last axis of input ``left``."""
    return lambda inputs, outputs: Work(prod(shape(outputs[0])) * shape(inputs[left])[-1])


def einsum(inputs: Values, outputs: Values) -> Work | None:
    """Einstein sum of one or two operands. With more, the cost depends on the order of contraction: no ruling.

    An axis that only one operand has, and the result lacks, is summed first, as in torch. Where no axis is contracted,
    the product is elementwise.
    """
    equation = inputs[0].toIValue().replace(" ", "")
    operands = [shape(value) for value in _listed(inputs[1])]
    if len(operands) == 1:
        return Work(0, prod(operands[0]))
    if len(operands) > 2 or "." in equation:
        return None
    terms, _, result = equation.partition("->")
    if "->" not in equation:  # implicit form: the letters that occur once
        result = "".join(letter for letter in terms if letter != "," and terms.count(letter) == 1)
    names = [set(term) for term in terms.split(",")]
    sizes: dict[str, int] = {}
    for term, operand in zip(terms.split(","), operands, strict=True):
        for letter, size in zip(term, operand, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    alone = [own - other - set(result) for own, other in (names, names[::-1])]
    summed_first = sum(prod(operand) for operand, letters in zip(operands, alone, strict=True) if letters)
    contracted = (names[0] & names[1]) - set(result)
    size = prod(sizes[letter] for letter in set(result) | contracted)
    return Work(size, summed_first) if contracted else Work(0, size + summed_first)


def attention(inputs: Values, outputs: Values) -> Work:
    """Scaled dot-product attention: two products; scaling and softmax are 4 elementwise operations for each score.

    The dense product is counted, also under a causal mask.
    """
    query, key, value = (shape(tensor) for tensor in inputs[:3])
    scores = prod(query[:-1]) * key[-2]
    return Work(scores * (query[-1] + value[-1]), 4 * scores)


def recurrent(gates: int, operations: int) -> Handler:
    """Handler of a recurrent layer of ``gates`` gates: every weight matrix is read once for each time step.

    ``operations`` are the elementwise operations of a hidden unit at each time step: sums of the two products,
    activations, gating. The list of weights has all layers, directions and projections. The input is (T, B, F),
    (B, T, F), or packed (time steps, F).
    """

    def handle(inputs: Values, outputs: Values) -> Work:
        # The weights are the last list among the inputs; an LSTM has its two states in another list before them.
        weights = max(index for index, value in enumerate(inputs) if value.type().kind() == "ListType")
        matrices = [sizes for sizes in map(shape, _listed(inputs[weights])) if len(sizes) == 2]
        layers = int(inputs[weights + 2].toIValue()) * (2 if inputs[weights + 5].toIValue() else 1)
        hidden_units = sum(rows for rows, _ in matrices[:: len(matrices) // layers]) // gates
        positions = prod(shape(inputs[0])[:-1])
        return Work(positions * sum(map(prod, matrices)), positions * hidden_units * operations)

    return handle


_FREE = """
    alias alpha_dropout arange as_strided atleast_1d atleast_2d Bool broadcast_tensors broadcast_to cat
    channel_shuffle chunk clone column_stack concat constant_pad_nd contiguous copy_ detach diagonal dropout
    dropout_ dstack empty empty_like expand expand_as eye feature_dropout fill_ flatten flip Float FloatImplicit
    full full_like gather H hstack index index_put_ index_select Int IntImplicit item lift_fresh masked_fill
    masked_fill_ masked_select meshgrid mH moveaxis movedim mT narrow narrow_copy new_empty new_full new_ones
    new_zeros nonzero numel numpy_T ones ones_like pad permute pixel_shuffle pixel_unshuffle ravel reflection_pad1d
    reflection_pad2d repeat repeat_interleave replication_pad1d replication_pad2d reshape reshape_as resolve_conj
    resolve_neg roll rot90 ScalarImplicit scatter scatter_ select size slice split split_with_sizes squeeze squeeze_
    stack swapaxes swapdims T t tensor_split tile to transpose transpose_ type_as unbind unflatten unfold
    unsafe_chunk unsafe_split unsqueeze unsqueeze_ upsample_nearest1d upsample_nearest2d view view_as vstack zero_
    zeros zeros_like
"""

# Each has an in-place twin (``add`` and ``add_``) of the same cost.
_PER_OUTPUT = """
    abs acos add addcdiv addcmul __and__ asin atan bitwise_and bitwise_not bitwise_or bitwise_xor ceil celu clamp
    clamp_max clamp_min cos cumsum div elu eq erf exp expm1 floor floor_divide fmod ge gelu glu gt hardsigmoid
    hardswish hardtanh isinf isnan le leaky_relu lerp log log1p log2 logical_and logical_not logical_or logical_xor
    logit lt maximum minimum mish mul nan_to_num ne neg __or__ outer pow prelu reciprocal relu relu6 remainder round
    rsqrt rsub selu sgn sigmoid sign silu sin softplus sqrt square sub tanh threshold tril triu true_divide where
"""

_PER_INPUT = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d all amax amin any argmax argmin linalg_vector_norm max mean min norm prod sum
"""

_WINDOW_POOL = "avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool2d_with_indices max_pool3d"

OPERATORS: dict[str, Handler] = {
    **{f"aten::{name}": free for name in _FREE.split()},
    **{f"aten::{name}{twin}": per_output(1) for name in _PER_OUTPUT.split() for twin in ("", "_")},
    **{f"aten::{name}": per_input(1) for name in _PER_INPUT.split()},
    **{f"aten::{name}": window_pool for name in _WINDOW_POOL.split()},
    **{f"aten::{name}": per_input(2) for name in ("std", "std_mean", "var", "var_mean")},
    "aten::batch_norm": per_output(2),
    **{f"aten::{name}": per_output(5) for name in ("group_norm", "instance_norm", "layer_norm")},
    **{f"aten::{name}": per_output(3) for name in ("log_softmax", "softmax")},
    **{f"aten::{name}": per_output(4) for name in ("grid_sampler", "upsample_bilinear2d")},
    **{f"aten::{name}": any_convolution for name in ("_convolution", "convolution")},
    **{f"aten::{name}": convolution for name in ("_convolution_mode", "conv1d", "conv2d", "conv3d")},
    **{f"aten::conv_transpose{n}d": transposed_convolution for n in (1, 2, 3)},
    **{f"aten::{name}": product(0) for name in ("bmm", "dot", "inner", "linear", "matmul", "mm", "mv", "vdot")},
    **{f"aten::{name}": product(1) for name in ("addmm", "addmv", "baddbmm")},
    "aten::einsum": einsum,
    "aten::scaled_dot_product_attention": attention,
    "aten::gru": recurrent(gates=3, operations=11),
    "aten::lstm": recurrent(gates=4, operations=13),
    "aten::rnn_tanh": recurrent(gates=1, operations=2),
    "aten::rnn_relu": recurrent(gates=1, operations=2),
    **{f"prim::{name}": unruled for name in ("CallFunction", "CallMethod", "If", "Loop", "fork")},
}
"""The handler of every known operator, by its name in a trace."""
