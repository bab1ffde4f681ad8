"""Linear attention written out by mf-expand-attention: the three forms and the kernel are one function."""

from __future__ import annotations

import numpy as np
import pytest

import memoryformer
import modules
import reference
from harness import run

FORMS = ("quadratic", "chunked", "recurrent")
FEATURES = {
    "elu": "#mf.elu_features",
    "cosformer": "#mf.cosformer_features<max_positions = 1024>",
    "softmax": "#mf.favor_features<kind = softmax>",
    "relu": "#mf.favor_features<kind = relu>",
}
HEADS, HEAD_SIZE, VALUE_SIZE, ROWS = 2, 8, 6, 11


def text():
    parts = []
    for name, features in FEATURES.items():
        for causal in (True, False):
            function = modules.Function(f"{name}_{'causal' if causal else 'full'}")
            q, k = (function.argument(side, ("tokens", HEADS, HEAD_SIZE)) for side in "qk")
            v = function.argument("v", ("tokens", HEADS, VALUE_SIZE))
            w = function.argument("w", (ROWS, HEAD_SIZE)) if name in ("softmax", "relu") else None
            parts.append(function.text(y=function.linear_attention(q, k, v, features, w, causal, chunk=16)))
    return modules.module(*parts)


@pytest.fixture(scope="session")
def libraries(compiler, tmp_path_factory):
    """The kernel's library, one for each form written out, and one for each form of the op."""
    source = tmp_path_factory.mktemp("forms") / "source.mlir"
    source.write_text(text())
    made = {"kernel": compiler.module("kernel_form", text(), "-mcpu=native")}
    for form in FORMS:
        expanded = run("mf-opt", f"--mf-expand-attention=form={form}", source)
        assert expanded.returncode == 0, expanded.stderr
        assert "mf.linear_attention" not in expanded.stdout
        made[form] = compiler.module(f"{form}_form", expanded.stdout, "-mcpu=native")
    for form in FORMS:
        converted = run("mf-opt", f"--mf-convert-attention-form=form={form}", source)
        assert converted.returncode == 0 and "mf.linear_attention" in converted.stdout, converted.stderr
        made[f"{form} op"] = compiler.module(f"{form}_op", converted.stdout, "-mcpu=native")
    return made


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("name", FEATURES)
def test_forms_are_equal(name, length, libraries, margin):
    random = np.random.default_rng(length)
    q, k = (random.normal(0, 1, (length, HEADS, HEAD_SIZE)).astype(np.float32) for _ in range(2))
    v = random.normal(0, 1, (length, HEADS, VALUE_SIZE)).astype(np.float32)
    more = [random.normal(0, 1, (ROWS, HEAD_SIZE)).astype(np.float32)] if name in ("softmax", "relu") else []
    for causal in (True, False):
        sides = [x.astype(np.float64) for x in (q, k, v)]
        exact, condition = reference.linear_attention(name, *sides, causal, *more, max_positions=1024)
        plain, _ = reference.linear_attention(name, q, k, v, causal, *more, max_positions=1024)
        recurrent = reference.recurrent_attention(name, q, k, v, causal, *more, max_positions=1024)
        error = max(np.max(np.abs(side - exact)) for side in (plain, recurrent))
        tolerance = 2 * error + 2 * reference.UNIT_ROUNDOFF * condition
        for form, library in libraries.items():
            with memoryformer.load(library) as model:
                (y,) = model.call(f"{name}_{'causal' if causal else 'full'}", q, k, v, *more)
            margin(f"{form} form, {name}", np.max(np.abs(y - exact) / tolerance))


@pytest.mark.parametrize("form", [*FORMS, *(f"{form} op" for form in FORMS)])
@pytest.mark.parametrize("name", FEATURES)
def test_prefixes_leave_the_bits(name, form, libraries):
    random = np.random.default_rng(1)
    q, k = (random.normal(0, 1, (50, HEADS, HEAD_SIZE)).astype(np.float32) for _ in range(2))
    v = random.normal(0, 1, (50, HEADS, VALUE_SIZE)).astype(np.float32)
    more = [random.normal(0, 1, (ROWS, HEAD_SIZE)).astype(np.float32)] if name in ("softmax", "relu") else []
    with memoryformer.load(libraries[form]) as model:
        (whole,) = model.call(f"{name}_causal", q, k, v, *more)
        for length in (1, 15, 16, 17, 33):
            (part,) = model.call(f"{name}_causal", q[:length], k[:length], v[:length], *more)
            np.testing.assert_array_equal(part, whole[:length])
        later = [np.concatenate([x[:20], x[20:] * 50]) for x in (q, k, v)]
        (changed,) = model.call(f"{name}_causal", *later, *more)
        np.testing.assert_array_equal(changed[:20], whole[:20])
