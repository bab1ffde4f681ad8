"""Pruned models against the same models with zeros in place of what was dropped, bit for bit; counts of codes; what
pruning does to the perplexity of the model that ships."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import memoryformer
import numpy as np
import pytest
from harness import GOLDEN, ROOT, Compiler, every_variant, run
from safetensors.numpy import load_file, save_file
from test_perplexity import perplexity
from test_quantised import call

SHIPPED = ROOT / "test" / "models" / "shakespeare"
TINY = GOLDEN / "model" / "lm_d64_k16_t4"


def count_codes(compiler: Compiler, model: Path, ids: np.ndarray, window: int, file: Path) -> dict[str, np.ndarray]:
    """The counts of mf-run for each parameter, [tables, rows]; rows that end a table unused are added."""
    library = compiler.checkpoint(model, "--trace-codes", "-mcpu=native")
    np.save(file.with_suffix(".npy"), ids)
    done = run("mf-run", library, f"--count-codes={file}", f"--ids-file={file.with_suffix('.npy')}", f"--window={window}")
    assert done.returncode == 0, done.stderr
    counts = {}
    for name, tables in json.loads(file.read_text())["tables"].items():
        rows = 1 << (max(map(len, tables)) - 1).bit_length()
        counts[name] = np.array([table + [0] * (rows - len(table)) for table in tables])
    return counts


def zero_rows(model: Path, target: Path, counts: dict[str, np.ndarray], at_most: int) -> int:
    """A copy of a checkpoint whose hardly used rows are zero; returns their number."""
    shutil.copytree(model, target)
    tensors, dropped = load_file(target / "model.safetensors"), 0
    for name, uses in counts.items():
        table = tensors[name].copy()
        rows = table.reshape(len(uses), -1, table.shape[-1])
        unused = np.ones(rows.shape[:2], bool)
        unused[:, : uses.shape[1]] = uses <= at_most
        rows[unused] = 0
        tensors[name] = table
        dropped += unused.sum()
    save_file(tensors, target / "model.safetensors")
    return dropped


def logits(model: memoryformer.Model, ids: np.ndarray) -> np.ndarray:
    """Prefill of all but five, which are decoded one by one."""
    with model.session() as session:
        sequence = session.add()
        rows = [session.step([(sequence, ids[:-5], "all")])]
        rows += [session.step([(sequence, ids[i : i + 1], "all")]) for i in range(len(ids) - 5, len(ids))]
    return np.concatenate(rows)


def parameter_bytes(library: Path) -> int:
    return library.with_suffix(".mfp").stat().st_size


@pytest.fixture(scope="module")
def tiny_counts(compiler: Compiler, tmp_path_factory) -> tuple[Path, dict[str, np.ndarray], np.ndarray]:
    file = tmp_path_factory.mktemp("counts") / "tiny.json"
    ids = np.random.default_rng(3).integers(0, 512, 40)
    return file, count_codes(compiler, TINY, ids, 32, file), ids


def test_counts(tiny_counts) -> None:
    """Each token uses one row of each table, and windows begin anew."""
    file, counts, ids = tiny_counts
    described = json.loads(file.read_text())
    assert described["format"] == "mf-code-counts" and described["tokens"] == len(ids)
    assert len(counts) == 10
    for name, uses in counts.items():
        assert uses.shape[0] == 16, name
        assert np.all(uses.sum(axis=1) == len(ids)), name
    # Each set of tables has the codes of its own lookup: the second of the feed-forward part has six bits.
    assert counts["sequential.2.mlp.2.tables"].shape[1] == 64
    assert not np.array_equal(counts["sequential.2.mlp.0.tables"], counts["sequential.3.mlp.0.tables"])
    for layer in ("sequential.2", "sequential.3"):
        shared = [counts[f"{layer}.attention.{part}_proj.tables"] for part in ("query", "key", "value")]
        assert np.array_equal(shared[0], shared[1]) and np.array_equal(shared[0], shared[2])


def test_counts_are_those_of_the_codes(compiler: Compiler, tiny_counts) -> None:
    """The first hash follows from the embedding alone: its codes are computed here from the checkpoint."""
    _, counts, ids = tiny_counts
    tensors = load_file(TINY / "model.safetensors")
    x = tensors["sequential.0.word_embeddings.weight"].astype(np.float64)[ids]
    x = x / (np.sqrt((x * x).mean(axis=1, keepdims=True)) + 1e-8) * tensors["sequential.2.input_layernorm.scale"]
    bits = (x.reshape(len(ids), 16, 4) >= 0).astype(int)
    codes = bits @ (1 << np.arange(3, -1, -1))
    expected = np.stack([np.bincount(codes[:, k], minlength=16) for k in range(16)])
    assert np.array_equal(counts["sequential.2.attention.query_proj.tables"], expected)


@pytest.mark.parametrize("dtype", ["keep", "f16", "i8", "i4"])
def test_pruned_is_zeroed(compiler: Compiler, tiny_counts, tmp_path_factory, dtype: str) -> None:
    file, counts, _ = tiny_counts
    zeroed = tmp_path_factory.mktemp("zeroed") / TINY.name
    dropped = zero_rows(TINY, zeroed, counts, at_most=2)
    assert 1000 < dropped < 4000
    options = (f"--table-dtype={dtype}", "-mcpu=x86-64-v3,native", "--gpu-host")
    pruned = compiler.checkpoint(TINY, *options, f"--prune-tables={file}", "--prune-at-most=2")
    reference = compiler.checkpoint(zeroed, *options)
    ids = np.random.default_rng(4).integers(0, 512, 64)
    assert parameter_bytes(pruned) < parameter_bytes(reference)
    expected = dict((variant, logits(model, ids)) for variant, model in every_variant(reference))
    for variant, model in every_variant(pruned, threads=2):
        np.testing.assert_array_equal(logits(model, ids), expected[variant])
    # What was dropped is used by these tokens.
    with memoryformer.load(compiler.checkpoint(TINY, "-mcpu=native")) as model:
        assert not np.array_equal(logits(model, ids), next(iter(expected.values())))


def lookup_module(path: Path, tables: int, rows: int, columns: list[int]) -> str:
    """A lookup of several sets, whose elements follow one another in a file of f32."""
    code = "i8" if rows <= 256 else "i16"
    parameters, body, offset = [], [], 0
    for i, width in enumerate(columns):
        kind = f"tensor<{tables}x{rows}x{width}xf32>"
        parameters.append(f'mf.parameter @t{i} : {kind} from #mf.tensor_file<path = "{path}", offset = {offset}, element_type = f32>')
        body += [f"%t{i} = mf.get_parameter @t{i} : {kind}", f"%e{i} = tensor.empty(%n) : tensor<?x{width}xf32>"]
        offset += tables * rows * width * 4
    inits = ", ".join(f"tensor<?x{width}xf32>" for width in columns)
    kinds = ", ".join(f"tensor<{tables}x{rows}x{width}xf32>" for width in columns)
    results = ", ".join(f'tensor<?x{width}xf32> {{mf.name = "y{i}", mf.dims = ["tokens", ""]}}' for i, width in enumerate(columns))
    every = range(len(columns))
    return "\n".join([
        *parameters,
        f'func.func @lookup(%c: tensor<?x{tables}x{code}> {{mf.name = "codes", mf.dims = ["tokens", ""]}}, '
        f'%s: tensor<?x{tables}xf32> {{mf.name = "scores", mf.dims = ["tokens", ""]}}) -> ({results}) {{',
        "%c0 = arith.constant 0 : index", f"%n = tensor.dim %c, %c0 : tensor<?x{tables}x{code}>", *body,
        f"%y:{len(columns)} = mf.lookup ins(%c, %s : tensor<?x{tables}x{code}>, tensor<?x{tables}xf32>) "
        f"tables({', '.join(f'%t{i}' for i in every)} : {kinds}) outs({', '.join(f'%e{i}' for i in every)} : {inits}) -> {inits}",
        f"return {', '.join(f'%y#{i}' for i in every)} : {inits}", "}"])


@pytest.mark.parametrize("dtype", ["f32", "bf16", "i8", "i4"])
@pytest.mark.parametrize("tables,rows,columns", [(7, 16, [128, 128]), (31, 256, [200]), (5, 1024, [40, 64]), (1, 64, [32])],
                         ids=lambda value: str(value).replace(" ", ""))
def test_lookup(compiler: Compiler, tmp_path_factory, tables: int, rows: int, columns: list[int], dtype: str) -> None:
    """Sets of one width have strips, sets of several are gathered; many tokens pass in blocks. The scales of i4 are chosen
    from a sample of the rows where there are 8,192 or more: of others than these in the zeroed table."""
    if dtype == "i4" and len(set(columns)) > 1:
        pytest.skip("pairs of i4 have no kernel but that of strips, with or without pruning")
    folder = tmp_path_factory.mktemp("lookup")
    random = np.random.default_rng(7)
    # Every third table keeps nothing, and one row at the end of the last one.
    uses = np.where(random.random((tables, rows)) < 0.6, 0, 1 + random.integers(0, 9, (tables, rows)))
    uses[::3] = 0
    uses[-1, -1] = 5
    counts = {"format": "mf-code-counts", "tokens": 9, "tables": {f"t{i}": uses.tolist() for i in range(len(columns))}}
    (folder / "counts.json").write_text(json.dumps(counts))
    elements = [random.standard_normal((tables, rows, width)).astype(np.float32) for width in columns]
    np.concatenate([each.ravel() for each in elements]).tofile(folder / "whole.bin")
    np.concatenate([np.where(uses[..., None] > 0, each, 0).astype(np.float32).ravel() for each in elements]).tofile(folder / "zeroed.bin")
    name = f"pruned_{tables}_{rows}"
    pruned = compiler.module(name, lookup_module(folder / "whole.bin", tables, rows, columns), f"--table-dtype={dtype}",
                             f"--prune-tables={folder / 'counts.json'}")
    zeroed = compiler.module(name + "_zeroed", lookup_module(folder / "zeroed.bin", tables, rows, columns), f"--table-dtype={dtype}")
    assert parameter_bytes(pruned) < parameter_bytes(zeroed) or rows * tables <= 112
    picked = random.integers(0, rows, (301, tables))
    codes = picked.astype(np.uint8).view(np.int8) if rows <= 256 else picked.astype(np.int16)
    scores = np.abs(random.standard_normal(codes.shape)).astype(np.float32)
    expected = {}
    for variant, model in every_variant(zeroed):
        expected[variant] = call(model, "lookup", codes, scores)
        if dtype == "f32":
            for width, each, y in zip(columns, elements, expected[variant]):
                left = np.where(uses[..., None] > 0, each, 0)[np.arange(tables), picked].astype(np.float64)
                exact = np.einsum("mk,mkn->mn", scores.astype(np.float64), left)
                condition = np.einsum("mk,mkn->mn", np.abs(scores).astype(np.float64), np.abs(left))
                assert np.all(np.abs(y - exact) <= 2.0**-23 * (tables + 1) * condition)
    for variant, model in every_variant(pruned, threads=2):
        for count in (301, 64, 1):
            got = call(model, "lookup", codes[:count], scores[:count])
            for y, z in zip(got, expected[variant]):
                np.testing.assert_array_equal(y, z[:count])


@pytest.fixture(scope="module")
def shipped(compiler: Compiler, tmp_path_factory) -> tuple[Path, Path, Path]:
    """Counts of the first half of the validation text, the second half, and the ids' file."""
    from tokenizers import Tokenizer

    folder = tmp_path_factory.mktemp("shipped")
    text = (SHIPPED / "validation.txt").read_text()
    first, second = text[: len(text) // 2], text[len(text) // 2 :]
    (folder / "second.txt").write_text(second)
    ids = np.array(Tokenizer.from_file(str(SHIPPED / "tokenizer.json")).encode(first).ids)
    count_codes(compiler, SHIPPED, ids, 256, folder / "counts.json")
    return folder / "counts.json", folder / "second.txt", folder / "counts.npy"


def test_rows_that_never_came_are_not_missed(compiler: Compiler, shipped) -> None:
    """On the text that was counted, every bit stays."""
    counts, _, ids_file = shipped
    ids = np.load(ids_file)[:256]
    whole = compiler.checkpoint(SHIPPED, "-mcpu=native")
    pruned = compiler.checkpoint(SHIPPED, f"--prune-tables={counts}", "-mcpu=native")
    assert parameter_bytes(pruned) < 0.96 * parameter_bytes(whole)
    with memoryformer.load(whole) as model, memoryformer.load(pruned) as small:
        np.testing.assert_array_equal(logits(small, ids), logits(model, ids))


def test_perplexity(compiler: Compiler, shipped) -> None:
    """On another text, the rows that are gone cost little."""
    counts, text, _ = shipped
    whole = perplexity(compiler.checkpoint(SHIPPED, "-mcpu=native"), text)
    pruned = perplexity(compiler.checkpoint(SHIPPED, f"--prune-tables={counts}", "-mcpu=native"), text)
    more = perplexity(compiler.checkpoint(SHIPPED, f"--prune-tables={counts}", "--prune-at-most=1", "-mcpu=native"), text)
    # 35.01, 35.37 without a tenth of the rows, 36.33 without a fifth: few words of one half are all of the other's.
    assert whole < pruned < 1.02 * whole and pruned < more < 1.05 * whole


def test_report(compiler: Compiler, tiny_counts, tmp_path) -> None:
    file, counts, _ = tiny_counts
    done = run("mf-compile", TINY, "-o", tmp_path / "p.so", f"--prune-tables={file}", "-mcpu=native", "--report=json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stderr)
    tables = {entry["name"]: entry for entry in report["pruned_tables"]}
    for name, entry in tables.items():
        assert entry["kept"] == np.count_nonzero(counts[name])
        row = entry["bytes_before"] / entry["rows"]
        assert entry["bytes"] == (entry["kept"] + 1) * row
    assert report["row_map_bytes"] > 0
    text = run("mf-compile", TINY, "-o", tmp_path / "p.so", f"--prune-tables={file}", "-mcpu=native", "--report").stderr
    saved = sum(entry["bytes_before"] - entry["bytes"] for entry in tables.values()) - report["row_map_bytes"]
    assert f"rows kept, {saved} bytes saved" in text


@pytest.mark.parametrize("arguments,status,text", [
    (["--count-codes=x.json"], 2, "--count-codes: the library tells no codes; compile it with --trace-codes"),
    (["--ids=1", "--ids-file=x"], 2, "--ids-file and --window need --count-codes"),
])
def test_refused(compiler: Compiler, arguments: list[str], status: int, text: str) -> None:
    done = run("mf-run", compiler.checkpoint(TINY, "-mcpu=native"), *arguments)
    assert done.returncode == status and text in done.stderr


def test_refused_ids(compiler: Compiler, tmp_path) -> None:
    library = compiler.checkpoint(TINY, "--trace-codes", "-mcpu=native")
    (tmp_path / "words.txt").write_text("1, 2 three")
    for arguments, status, text in [
        ([], 2, "--count-codes: expected token ids, give --ids or --ids-file"),
        (["--ids=512"], 2, "--count-codes: expected ids below the vocabulary of 512, found 512"),
        ([f"--ids-file={tmp_path / 'words.txt'}"], 3, "expected token ids, found 'three'"),
        ([f"--ids-file={tmp_path / 'none'}"], 3, "cannot read"),
        (["--ids=1", "--window=65"], 2, "--window: expected 1 to 64 tokens, found 65"),
    ]:
        done = run("mf-run", library, f"--count-codes={tmp_path / 'counts.json'}", *arguments)
        assert done.returncode == status and text in done.stderr, done.stderr
        assert not (tmp_path / "counts.json").exists()
