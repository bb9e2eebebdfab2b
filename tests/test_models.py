"""`lst models`: every encoder once, sizes as counted, operations by hand for a small net."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lst.cli.main import main
from lst.facts.benchmarks import get_benchmark
from lst.facts.encoders import ENCODER_FACTS
from lst.nets.classifier import ENCODERS, SkeletonClassifier
from lst.workflows.models import count_operations, model_sizes


def test_facts_know_every_encoder_in_its_order():
    assert [facts.name for facts in ENCODER_FACTS] == list(ENCODERS)
    for facts in ENCODER_FACTS:
        for benchmark, figures in facts.figures.items():
            get_benchmark(benchmark)
            assert all(v is None or 80 < v < 100 for v in (figures.joint, figures.four_streams))


def test_operations_counted_by_hand():
    """A 1x1 convolution 3 -> 5 on 4 frames, 6 joints, 2 persons, and a head 5 -> 7."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 1)

        def forward(self, x_NCTVM: torch.Tensor) -> torch.Tensor:
            return self.conv(x_NCTVM.permute(0, 4, 1, 2, 3).flatten(0, 1)).unflatten(0, (-1, 2))

    net = SkeletonClassifier(Encoder(), width=5, num_classes=7)
    assert count_operations(net, (1, 3, 4, 6, 2)) == 2 * (3 * 5 * 4 * 6 * 2) + 2 * 5 * 7


def test_sizes_leave_the_random_state_alone_and_grow_with_the_clip():
    torch.manual_seed(4)
    before = torch.random.get_rng_state()
    short, long = (model_sizes("nw-ucla", frames) for frames in (8, 16))
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(short, long, strict=True):
        assert a.parameters == b.parameters
        assert 1.3 < b.operations / a.operations < 2.01  # refined graphs do not grow


def test_the_verb_prints_all(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["models", "--benchmark", "ntu120-xsub"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[1 : 1 + len(ENCODERS)]}
    assert list(rows) == list(ENCODERS)
    assert rows["stgcnpp"][1] == "1,418,564"
    assert rows["dgstgcn"][4:6] == ["85.7", "89.6"]
    assert rows["blockgc"][4:6] == ["86.2", "-"]
    assert main(["models", "--benchmark", "ntu121-xsub"]) == 2
    assert "ntu120-xsub" in capsys.readouterr().err
