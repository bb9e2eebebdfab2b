"""A run is a value. Every name in RECIPES is one row of a results table.

Two families: plain names are our corrected defaults; `gap-` names feed and compare as the official code does,
quirks included (docs/method.md lists them by number), but with the same frozen text vectors as the others.
A new idea is a new recipe, not a new flag.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from lst.data.pipeline import FramesRule
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality, choose
from lst.nets.losses import TextTarget
from lst.nets.supervision import TextScale

Parity = Literal["corrected", "gap"]
Precision = Literal["auto", "fp32", "bf16"]
STREAMS: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """SGD with Nesterov momentum; weight decay on every parameter (method.md Section 12)."""

    lr: float = 0.1
    """Learning rate for this recipe's batch size."""
    epochs: int = 110
    schedule: Literal["step", "cosine"] = "step"
    warmup: int = 5
    """Epochs of linear warm-up, out of `planned_epochs`."""
    decay_at: tuple[int, ...] = (90, 100)
    """Epochs, out of `planned_epochs`, from which a step schedule divides the rate by ten once more."""
    planned_epochs: int = 110
    """What warmup and decay_at are written for; another number of `epochs` scales them."""
    weight_decay: float = 5e-4
    momentum: float = 0.9

    def __post_init__(self) -> None:
        for name in ("epochs", "planned_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"optim.{name} must be at least 1, got {getattr(self, name)}")
        if self.lr <= 0:
            raise ValueError(f"optim.lr must be positive, got {self.lr}")
        if late := [e for e in self.decay_at if e >= self.planned_epochs]:
            raise ValueError(f"optim.decay_at {late} lies at or after planned_epochs = {self.planned_epochs}")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All that decides what a run computes. Device, folders and resuming are not part of it."""

    benchmark: str
    modality: Modality = "joint"
    parity: Parity = "corrected"
    """gap: bones, part lists and prompts exactly as in the official code; corrected: as they were meant."""
    encoder: str = "ctrgcn"
    encoder_width: int = 64
    """Channels of the first block; the published net has 64."""
    clip_length: int = 52
    frames: FramesRule = "random_frames"
    batch_size: int = 64
    repeat: int = 5
    """How often one epoch shows each clip, each time cut and turned differently."""
    hold_out: float = 0.0
    """Share of the training clips kept out of training, for fitting ensemble weights."""
    text_weight: float = 1.0
    """Weight of the mean part-contrastive term beside cross-entropy; 0 trains the plain encoder."""
    text_scale: TextScale = "exp"
    """Factor on the cosines: exp(s), capped at 100, or s itself as in the official code (Q16)."""
    text_target: TextTarget = "soft"
    """soft: softmax(10 * same class), as published (Q17); same_class: equal mass on the same class only."""
    text_vectors: str | None = None
    """Vector file of your own descriptions (`lst embed`); the shipped MiniLM vectors if not given."""
    precision: Precision = "auto"
    """auto: bf16 autocast where the device multiplies it faster, else fp32. Tests always run in fp32."""
    seed: int = 1
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        get_benchmark(self.benchmark)
        if self.parity == "gap" and (self.text_scale, self.text_target) != ("linear", "soft"):
            raise ValueError(
                f"parity 'gap' is the official loss, with text_scale linear and text_target soft; got "
                f"{self.text_scale} and {self.text_target}. Set those, or use parity corrected."
            )
        if self.text_weight < 0:
            raise ValueError(f"text_weight must be 0 (no text) or positive, got {self.text_weight}")
        if not 0 <= self.hold_out < 1:
            raise ValueError(f"hold_out is a share in [0, 1), got {self.hold_out}")
        for name in ("batch_size", "repeat", "clip_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


def _streams(prefix: str, base: RunConfig) -> dict[str, RunConfig]:
    """The four streams of one base recipe: <prefix>-joint, -bone, -joint-motion, -bone-motion."""
    return {f"{prefix}-{m.replace('_', '-')}": replace(base, modality=m) for m in STREAMS}


# Published (second-hand, method.md Section 15): four streams 97.2 for GAP, 96.5 for CTR-GCN.
_NW_UCLA = RunConfig(benchmark="nw-ucla", optim=OptimConfig(lr=0.2, weight_decay=4e-4))
_NW_UCLA_CLEAN = replace(_NW_UCLA, benchmark="nw-ucla-clean")
_GAP = {"parity": "gap", "text_scale": "linear"}
# Built-in synthetic clips and a narrow net: minutes on two CPU cores. Not comparable with anything.
_DEMO = RunConfig(
    benchmark="synthetic",
    encoder_width=16,
    clip_length=32,
    batch_size=32,
    repeat=1,
    optim=OptimConfig(lr=0.1, epochs=16, planned_epochs=16, warmup=1, decay_at=(), schedule="cosine"),
)

RECIPES: dict[str, RunConfig] = {
    **_streams("nw-ucla", _NW_UCLA),
    **_streams("nw-ucla-clean", _NW_UCLA_CLEAN),
    **_streams("gap-nw-ucla", replace(_NW_UCLA, **_GAP)),
    **_streams("gap-nw-ucla-clean", replace(_NW_UCLA_CLEAN, **_GAP)),
    **_streams("demo", _DEMO),
}

FAMILIES: tuple[str, ...] = tuple(
    dict.fromkeys(name.removesuffix("-joint") for name in RECIPES if name.endswith("-joint"))
)


def get_recipe(name: str) -> RunConfig:
    """The recipe called `name`; ValueError with the nearest names otherwise."""
    return choose("recipe", name, RECIPES)


def stream_names(family: str) -> tuple[str, ...]:
    """The four recipes of a family such as "nw-ucla", in the order of STREAMS."""
    choose("family of recipes", family, dict.fromkeys(FAMILIES))
    return tuple(f"{family}-{m.replace('_', '-')}" for m in STREAMS)
