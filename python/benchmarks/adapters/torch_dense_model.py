"""The dense GPT-NeoX in PyTorch: one block, the prefill of a model that computes the last logits only, or greedy decode
with a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import memoryformer.dense
from memoryformer.attention import SoftmaxAttention
from memoryformer.config import DenseConfig

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import DTYPES, prepared, set_up, torch

F = torch.nn.functional


VARIANTS = ("compiled", "bf16_attention")


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """dtype i8: linears with dynamically quantised activations. variant: `compiled` by torch.compile with packed
    weights, or for i8 `bf16_attention`."""
    if contestant.dtype != "i8" and contestant.dtype not in DTYPES:
        raise Unavailable(f"no dense model in {contestant.dtype}")
    device = set_up(problem.case)
    if device.type != "cpu" and contestant.dtype == "i8":
        raise Unavailable("dynamically quantised linears are the CPU's")
    makers = {"block": _block, "prefill": _prefill, "decode": _decode}
    if contestant.operation not in makers:
        raise Unavailable(f"no {contestant.operation} here")
    module, given = makers[contestant.operation](problem)
    function = _converted(module, contestant).to(device)
    given = given.to(device, DTYPES.get(contestant.dtype, torch.float32) if given.is_floating_point() else given.dtype)
    if contestant.variant == "compiled":
        function = _compiled(function)
    if contestant.variant == "bf16_attention":
        function = _with_bf16_attention(function)
    return prepared(lambda: function(given), problem.tokens, lambda y: {"output": y}, device)


def _config(problem: Problem) -> DenseConfig:
    return DenseConfig(
        hidden_size=problem.width,
        num_hidden_layers=problem.case.get("layers", 1),
        num_attention_heads=problem.heads,
        vocab_size=problem.case.get("vocabulary", 50304),
    )


def _block(problem: Problem) -> tuple[torch.nn.Module, torch.Tensor]:
    return memoryformer.dense.DenseBlock(_config(problem)).eval(), torch.from_numpy(problem.x)[None]


def _prefill(problem: Problem) -> tuple[torch.nn.Module, torch.Tensor]:
    ids = torch.randint(problem.case.get("vocabulary", 50304), (1, problem.tokens), generator=torch.manual_seed(0))
    return LastLogits(memoryformer.dense.DenseForCausalLM(_config(problem))).eval(), ids


def _decode(problem: Problem) -> tuple[torch.nn.Module, torch.Tensor]:
    model = memoryformer.dense.DenseForCausalLM(_config(problem)).eval()
    depth = problem.case.get("depth", 0)
    ids = torch.randint(problem.case.get("vocabulary", 50304), (depth,), generator=torch.manual_seed(0))
    return GreedyDecoder(model, ids, problem.tokens), torch.tensor([1])


class GreedyDecoder(torch.nn.Module):
    """Feeds a token and every one that the model chooses after it, behind a context whose keys and values are kept."""

    def __init__(self, model: torch.nn.Module, context: torch.Tensor, tokens: int) -> None:
        super().__init__()
        self.model, self.tokens = model, tokens
        self.register_buffer("context", context)
        self.caches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, token: torch.Tensor) -> torch.Tensor:
        depth = len(self.context)
        if not self.caches:
            self._make_caches(depth + self.tokens)
            if depth:
                self._step(self.context, 0)
        for position in range(depth, depth + self.tokens):
            logits = self._step(token, position)
            token = logits.argmax(dim=1)
        return logits

    def _make_caches(self, positions: int) -> None:
        config, weight = self.model.config, self.model.gpt_neox["embed_in"].weight
        shape = (1, config.num_attention_heads, positions, config.head_dim)
        layers = range(config.num_hidden_layers)
        self.caches = [(weight.new_zeros(shape), weight.new_zeros(shape)) for _ in layers]

    def _step(self, ids: torch.Tensor, start: int) -> torch.Tensor:
        """Logits [1, vocabulary] of the last of `ids`, which begin at position `start`."""
        parts = self.model.gpt_neox
        x = parts["embed_in"](ids)
        for block, cache in zip(parts["layers"], self.caches):
            x = x + self._attention(block.attention, block.input_layernorm(x), start, *cache)
            x = x + block.mlp(block.post_attention_layernorm(x))
        return self.model.embed_out(parts["final_layer_norm"](x[-1:]))

    def _attention(
        self, attention: torch.nn.Module, x: torch.Tensor, start: int, keys: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        end = start + len(x)
        positions = torch.arange(start, end, device=x.device)
        q, k, v = attention.query_key_value(x)[None].unflatten(-1, (attention.heads, -1)).transpose(1, 2).chunk(3, dim=-1)
        q = attention.rotary_emb(q, positions)
        keys[:, :, start:end], values[:, :, start:end] = attention.rotary_emb(k, positions), v
        attended = F.scaled_dot_product_attention(q, keys[:, :, :end], values[:, :, :end], is_causal=start == 0)
        return attention.dense(attended.transpose(1, 2).flatten(2)[0])


class LastLogits(torch.nn.Module):
    """A model that applies its head to the last position only."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        parts = self.model.gpt_neox
        x = parts["embed_in"](ids)
        for block in parts["layers"]:
            x = block(x)
        return self.model.embed_out(parts["final_layer_norm"](x[:, -1]))


def _converted(module: torch.nn.Module, contestant: Contestant) -> torch.nn.Module:
    if contestant.dtype != "i8":
        return module.to(DTYPES[contestant.dtype])
    torch.backends.quantized.engine = "x86"
    return torch.ao.quantization.quantize_dynamic(module, {torch.nn.Linear}, torch.qint8)


def _compiled(function: Callable) -> Callable:
    import torch._inductor.config

    torch._inductor.config.freezing = True
    torch._dynamo.reset()
    compiled = torch.compile(function, dynamic=False)

    def call(given: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return compiled(given)

    return call


def _with_bf16_attention(function: Callable) -> Callable:
    plain = SoftmaxAttention.forward

    def attention(self: SoftmaxAttention, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return plain(self, q.bfloat16(), k.bfloat16(), v.bfloat16()).float()

    @contextlib.contextmanager
    def replaced():
        SoftmaxAttention.forward = attention
        try:
            yield
        finally:
            SoftmaxAttention.forward = plain

    def call(given: torch.Tensor) -> torch.Tensor:
        with replaced():
            return function(given)

    return call
