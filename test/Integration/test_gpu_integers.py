"""The kernels of GPUs for quantised models, run on host threads with all checks: against the integers' own arithmetic,
and bit for bit against the kernels of the CPU, whose sums are of integers too.

The CPU is compared in a variant that fuses the last product of a lookup with the bias, as GPUs do."""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest

import gpu_host
import modules
import reference
from harness import check_changing_company, running_variants
from test_gpu_host import TOKENS
from test_memory_layer import FILES, Case, unsigned
from test_quantised import STEPS, call, lookup_module, quantise_rows, random_elements

CPU = "x86-64-v3"
OPTIONS = ("--gpu-host", f"-mcpu={CPU}")


def open_cpu(library):
    """A variant with fused products."""
    if CPU not in running_variants(library):
        pytest.skip(f"no {CPU} here")
    return memoryformer.load(library, variant=CPU)


def check_equal(results, expected):
    for found, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def lookup_inputs(tables, rows, tokens):
    random = np.random.default_rng(tables)
    codes = random.integers(0, rows, (tokens, tables))
    codes = codes.astype(np.uint8).view(np.int8) if rows <= 256 else codes.astype(np.int16)
    return codes, np.abs(random.standard_normal(codes.shape)).astype(np.float32)


# An odd number of tables, tables of one strip that is narrow, columns that end within a strip, several slices.
LOOKUPS = [(3, 256, [128, 128]), (7, 16, [200]), (2, 1024, [160]), (5, 4, [20])]


@pytest.mark.parametrize("dtype", ["i8", "i4"])
@pytest.mark.parametrize("tables,rows,columns", LOOKUPS, ids=lambda value: str(value).replace(" ", ""))
def test_lookup_has_the_bits_of_the_cpu(tables, rows, columns, dtype, compiler):
    name = f"integers_{tables}_{rows}"
    library = compiler.module(name, lookup_module(tables, rows, columns), f"--table-dtype={dtype}", *OPTIONS)
    most = max(TOKENS) if rows <= 256 else 300  # many enough for slices
    codes, scores = lookup_inputs(tables, rows, most)
    with open_cpu(library) as model:
        expected = call(model, "lookup", codes, scores)
    for tokens in [*TOKENS, most]:
        with gpu_host.open_checked(library, threads=tokens % 3 + 1) as model:
            results = call(model, "lookup", codes[:tokens], scores[:tokens])
            kernels = gpu_host.counts(model)
        check_equal(results, [y[:tokens] for y in expected])
        # 200 columns of i4 are a strip of 112 bytes, which no power of two of lanes has.
        is_gathered = tokens < rows // 4 or (dtype, columns) == ("i4", [200])
        family = "lookup_integer_gather" if is_gathered else "lookup_integer_tile"
        (found,) = [kernel for kernel in kernels if kernel.startswith("lookup")]
        assert found.startswith(family)


@pytest.mark.parametrize("dtype,columns", [("i8", 256), ("i4", 512)])
def test_slices_are_read_at_full_speed(dtype, columns, compiler):
    """Eight lanes read a row of 128 bytes at once; the tables come once for the tokens of a block."""
    tables = 4
    text = lookup_module(tables, 256, [columns])
    library = compiler.module("slices", text, f"--table-dtype={dtype}", *OPTIONS)
    tokens = 256 if dtype == "i8" else 128
    with gpu_host.open_checked(library) as model:
        call(model, "lookup", *lookup_inputs(tables, 256, tokens))
        (counts,) = [kernel for name, kernel in gpu_host.counts(model).items() if name.startswith("lookup")]
    assert counts["copied_bytes"] == tables * 256 * 256
    assert counts["workgroup_wavefronts"] == counts["workgroup_ideal_wavefronts"] > 0


# Whole groups of 32, one group that ends within a block of features, groups of 48, and more groups than a round has.
LINEARS = [(64, 96, 32), (33, 70, 0), (20, 16, 0), (96, 40, 48), (1184, 36, 32), (256, 64, 128)]


@pytest.mark.parametrize("dtype", ["i8", "i4"])
@pytest.mark.parametrize("features,columns,group", LINEARS)
def test_linear_has_the_bits_of_the_cpu(features, columns, group, dtype, compiler):
    options = f"--head-dtype={dtype}", f"--head-group={group}", *OPTIONS
    library = compiler.module(f"linear_{features}_{columns}", modules.linear_module(features, columns), *options)
    x = np.random.default_rng(1).standard_normal((max(TOKENS), features)).astype(np.float32)
    with open_cpu(library) as model:
        (expected,) = call(model, "linear", x)
    for tokens in TOKENS:
        with gpu_host.open_checked(library, threads=tokens % 3 + 1) as model:
            check_equal(call(model, "linear", x[:tokens]), [expected[:tokens]])
            names = [name for name in gpu_host.counts(model) if name.startswith("linear")]
        family = "row" if tokens == 1 else "stream" if tokens < 8 else "tile"
        assert [name.rsplit("_", 1)[0] for name in names] == [f"linear_integer_{family}"]


@pytest.mark.parametrize("size", [1, 33, 128, 516])
def test_quantize_rows(size, compiler):
    """Integers and scales of the formula, in float32: also of zeros, ties, subnormal, infinite and absent numbers."""
    body = f"""func.func @rows(%x: tensor<?x{size}xf32> {{mf.name = "x", mf.dims = ["t", ""]}})
        -> (tensor<?x{size}xi8> {{mf.name = "q", mf.dims = ["t", ""]}}, tensor<?xf32> {{mf.name = "s", mf.dims = ["t"]}}) {{
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x{size}xf32>
      %qi = tensor.empty(%n) : tensor<?x{size}xi8>
      %si = tensor.empty(%n) : tensor<?xf32>
      %q, %s = mf.quantize_rows ins(%x : tensor<?x{size}xf32>) outs(%qi, %si : tensor<?x{size}xi8>, tensor<?xf32>)
          -> tensor<?x{size}xi8>, tensor<?xf32>
      return %q, %s : tensor<?x{size}xi8>, tensor<?xf32>
    }}"""
    library = compiler.module(f"quantize_rows_{size}", body, *OPTIONS)
    x = np.random.default_rng(size).standard_normal((65, size)).astype(np.float32)
    x[1], x[2] = 0, np.rint(x[2] * 40) / 2
    x[2, -1] = 127
    x[3] *= np.float32(1e-42)
    x[4, 0], x[5, -1] = np.inf, np.nan
    with gpu_host.open_checked(library, threads=2) as model, open_cpu(library) as cpu:
        (q, scales), wanted = call(model, "rows", x), call(cpu, "rows", x)
    np.testing.assert_array_equal(q, wanted[0])
    np.testing.assert_array_equal(scales, wanted[1])
    plain = np.r_[0, 2, 6:65]
    expected, steps = quantise_rows(x[plain])
    np.testing.assert_array_equal(q[plain], expected)
    np.testing.assert_array_equal(scales[plain, None], steps)
    assert scales[1] == 0 and not np.any(q[1]) and np.isinf(scales[4]) and np.isnan(scales[5])


@pytest.fixture(scope="module")
def golden_libraries(compiler):
    """Golden layers of f32 tables that are quantised; their tables become parameters of files."""
    folder = compiler.folder / "golden_integers"
    folder.mkdir(exist_ok=True)
    made = {}

    def make(stem, dtype):
        case = made.setdefault(stem, Case(stem))
        (folder / f"{stem}.bin").write_bytes(np.concatenate([a.ravel() for a in case.inputs()[1:]]).tobytes())
        file = f'#mf.tensor_file<path = "{folder}/{stem}.bin", offset = {{}}, element_type = f32>'
        sizes = case.bits, case.tables, case.columns
        sources = file.format(0), file.format(case.inputs()[1].nbytes)
        from test_memory_layer import SCORES, layer

        temperature = {kind: float(case.metadata.get(f"temperature_{kind[5:]}", 1)) for kind in case.kinds}
        parts = [layer(case.function(kind), *sizes, SCORES[kind], temperature[kind], sources=sources) for kind in case.kinds]
        return case, compiler.module(f"{stem}_{dtype}", modules.module(*parts), f"--table-dtype={dtype}", *OPTIONS)

    return make


PLAIN = ["k2_t8_n64_m64", "k8_t8_n12_m37", "k2_t10_n20_m65", "k5_t3_n7_m5", "k16_t4_n33_m66"]


@pytest.mark.parametrize("dtype", ["i8", "i4"])
@pytest.mark.parametrize("stem", PLAIN)
def test_golden_layer(stem, dtype, golden_libraries, margin):
    """Codes and scores as golden says. A result is off by what elements and scores are: half a step each (i4: up to a
    fifth of the largest element of a column, where the search cuts these off), as test_quantised.py derives."""
    case, library = golden_libraries(stem, dtype)
    x, tables, _ = case.inputs()
    with gpu_host.open_checked(library, threads=2) as model, open_cpu(library) as cpu:
        for kind in case.kinds:
            codes, scores, y = model.call(case.function(kind), x)
            np.testing.assert_array_equal(unsigned(codes), case.tensors["codes"])
            expected = case.tensors[f"scores.{kind}"]
            assert np.all(np.abs(scores - expected) <= reference.score_tolerance(case.bits, expected))
            rows = np.abs(tables[np.arange(case.tables), case.tensors["codes"]].astype(np.float64))
            element = STEPS[dtype] * np.abs(tables).max(axis=(0, 1)).astype(np.float64)
            step = expected.max(axis=1)[:, None] / 254
            bound = expected.sum(axis=1)[:, None] * element + step * (rows.sum(axis=1) + case.tables * element)
            bound += reference.lookup_tolerance(case.bits, case.tables, case.tensors[f"y_abs.{kind}"].astype(np.float64))
            margin(f"quantised memory layer, {dtype}", np.max(np.abs(y - case.tensors[f"y.{kind}"]) / bound))
            check_equal((codes, scores, y), cpu.call(case.function(kind), x))


MODELS = [("lm_d64_k16_t4", ("--table-dtype=i8", "--head-dtype=i8", "--weight-dtype=i8")),
          ("lm_d32_k4_t8_f16_sharded", ("--table-dtype=i4", "--head-dtype=i4"))]


@pytest.fixture(scope="module", params=MODELS, ids=["i8", "i4"])
def model_library(request, compiler):
    name, options = request.param
    return compiler.model(name, *options, *OPTIONS)


IDS = np.random.default_rng(8).integers(0, 256, 40)


def test_tokens_in_any_company_give_the_same_bits(model_library):
    """Prefill, decode and any cut into calls take other kernels and give the same bits."""
    with gpu_host.open_checked(model_library, threads=2) as model:
        with model.session() as session:
            whole = session.forward(IDS[None])[0]
        with model.session(max_sequences=3) as session:
            check_changing_company(session, IDS, whole, 3)


def test_model_is_near_that_of_the_cpu(model_library, compiler, request):
    """Norms and attention are summed in another order: scores and activations that are next to a tie are rounded to the
    other side, and codes may flip; the tensor cores round queries and weights to bf16, which this CPU does not. Most logits
    are off by far less than quantisation itself makes them."""
    name, _ = request.node.callspec.params["model_library"]
    logits = {}
    for label, library, variant in [("exact", compiler.model(name, *OPTIONS), CPU), ("cpu", model_library, CPU),
                                    ("gpu", model_library, "gpu-host")]:
        with memoryformer.load(library, variant=variant) as model, model.session() as session:
            logits[label] = session.forward(IDS[None])[0].astype(np.float64)
    of_quantisation = np.median(np.abs(logits["cpu"] - logits["exact"]))
    assert np.median(np.abs(logits["gpu"] - logits["cpu"])) <= of_quantisation / 10
