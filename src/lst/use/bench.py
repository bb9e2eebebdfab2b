"""Speed of the fused encoder beside its plain form: same weights, same input, same run, same machine state.

The two are timed in turns, so a machine that slows down slows both. Ratios count, not milliseconds.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lst.facts.skeleton import get_layout
from lst.nets.ctrgcn import CTRGCN
from lst.nets.ctrgcn_plain import PlainCTRGCN
from lst.nets.official import encoder_pieces, view_of
from lst.training.device import choose_device, describe_device, keep_freed_memory

LAYOUT, FRAMES = "kinect_v1_20", 52


@dataclass
class Contender:
    """One way of computing the encoder, with its fastest times in seconds."""

    name: str
    net: nn.Module
    bf16: bool
    train: float = float("inf")
    infer: float = float("inf")
    error: float = 0.0


def same_weights(seed: int = 0) -> tuple[CTRGCN, PlainCTRGCN]:
    """Both forms with equal values, moved off their start so that every path matters."""
    graph = torch.from_numpy(get_layout(LAYOUT).graph_matrices())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fused, plain = CTRGCN(graph, num_persons=1), PlainCTRGCN(graph, num_persons=1)
        with torch.no_grad():
            for name, value in fused.named_parameters():
                if name.endswith(("alpha", "bn.weight")):
                    value.uniform_(0.5, 1.0)
    ours, shapes = fused.state_dict(), plain.state_dict()
    plain.load_state_dict(
        {p.key: view_of(ours, p).reshape(shapes[p.key].shape) for p in encoder_pieces(fused)}
    )
    return fused, plain


def bench_encoder(device: str, *, batch: int, repeats: int, compiled: bool) -> Iterator[str]:
    """Lines of a table: milliseconds, ratio to the plain form, largest relative error of the output."""
    where = choose_device(device)
    keep_freed_memory()
    fused, plain = (net.to(where) for net in same_weights())
    x_NCTVM = torch.randn(batch, 3, FRAMES, 20, 1, generator=torch.Generator().manual_seed(1)).to(where)
    yield f"{describe_device(where)}, torch {torch.__version__}"
    yield f"{batch} clips of {FRAMES} frames and 20 joints per step"
    contenders = [
        Contender("plain, fp32", plain, bf16=False),
        Contender("fused, fp32", fused, bf16=False),
        Contender("fused, bf16 autocast", fused, bf16=True),
    ]
    if compiled:
        net = torch.compile(fused)
        contenders += [Contender("fused, bf16, compiled", net, bf16=True)]  # type: ignore[arg-type]
    _time_all(contenders, x_NCTVM, repeats)
    first = contenders[0]
    yield f"{'':<24}{'training':>12}{'':>9}{'inference':>12}{'':>9}{'output error':>14}"
    for c in contenders:
        yield (
            f"{c.name:<24}{1e3 * c.train:>9.0f} ms{first.train / c.train:>8.2f}x"
            f"{1e3 * c.infer:>9.0f} ms{first.infer / c.infer:>8.2f}x{c.error:>14.1e}"
        )


def _time_all(contenders: list[Contender], x_NCTVM: Tensor, repeats: int) -> None:
    expected = _forward(contenders[0], x_NCTVM)
    for c in contenders:  # also the warm-up
        c.error = float((_forward(c, x_NCTVM) - expected).norm() / expected.norm())
        _train_step(c, x_NCTVM)
    for _ in range(repeats):
        for c in contenders:
            c.train = min(c.train, _seconds(lambda c=c: _train_step(c, x_NCTVM), x_NCTVM.device))
        for c in contenders:
            c.infer = min(c.infer, _seconds(lambda c=c: _forward(c, x_NCTVM), x_NCTVM.device))


def _forward(c: Contender, x_NCTVM: Tensor) -> Tensor:
    c.net.eval()
    with torch.inference_mode(), torch.autocast(x_NCTVM.device.type, torch.bfloat16, enabled=c.bf16):
        return c.net(x_NCTVM).float()


def _train_step(c: Contender, x_NCTVM: Tensor) -> None:
    c.net.train()
    c.net.zero_grad(set_to_none=True)
    with torch.autocast(x_NCTVM.device.type, torch.bfloat16, enabled=c.bf16):
        features = c.net(x_NCTVM)
    features.mean(dim=(1, 3, 4)).float().square().sum().backward()  # pooled: the loss itself costs nothing


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
