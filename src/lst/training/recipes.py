"""A run is a value. Every name in RECIPES is one row of a results table.

Two families: plain names are our corrected defaults; `gap-` names feed and compare as the official code does,
quirks included (docs/method.md lists them by number), with the same text vectors as the others.
A new idea is a new recipe, not a new flag.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from lst.facts.benchmarks import BENCHMARKS
from lst.facts.choices import ClassWeights, Modality, PersonsRule, TextScale, choose
from lst.training.encoder_recipes import encoder_families
from lst.training.text_config import TextConfig

Parity = Literal["corrected", "gap"]
Precision = Literal["auto", "fp32", "bf16"]
Schedule = Literal["step", "cosine"]
PlaceChoice = Literal["auto", "device", "disk"]
STREAMS: tuple[Modality, ...] = get_args(Modality)


def _check_literal(kind: str, value: str, literal: object) -> None:
    choose(kind, value, dict.fromkeys(get_args(literal)))


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """SGD with Nesterov momentum; weight decay on every parameter (method.md Section 12)."""

    lr: float = 0.1
    """Learning rate for this recipe's batch size."""
    epochs: int = 110
    """How often the training split is gone through."""
    schedule: Schedule = "step"
    """step: the rate falls by ten at decay_at; cosine: it falls to zero along a cosine."""
    warmup: int = 5
    """Epochs of linear warm-up, out of `planned_epochs`."""
    decay_at: tuple[int, ...] = (90, 100)
    """Step schedule: epochs, out of `planned_epochs`, from which the rate is divided by ten once more."""
    planned_epochs: int = 110
    """What warmup and decay_at are written for; another number of `epochs` scales them."""
    weight_decay: float = 5e-4
    """Pull of every parameter towards zero."""
    momentum: float = 0.9
    """Share of the last step that the next one keeps."""
    per_step: bool = False
    """Change the rate at every step instead of every epoch: smoother, which short schedules need."""
    label_smoothing: float = 0.0
    """Share of the target that cross-entropy spreads evenly over all classes; texts are not touched."""
    ema: float = 0.0
    """Decay per step of an average of the weights and batch statistics, such as 0.998: what is tested and
    kept is then the average. 0 = the last weights themselves."""

    def __post_init__(self) -> None:
        for name in ("epochs", "planned_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"optim.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("warmup", "weight_decay", "momentum"):
            if not getattr(self, name) >= 0:  # also false for NaN
                raise ValueError(f"optim.{name} must be 0 or more, got {getattr(self, name)}")
        if not self.lr > 0:
            raise ValueError(f"optim.lr must be positive, got {self.lr}")
        for name in ("label_smoothing", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"optim.{name} is a share in [0, 1), got {getattr(self, name)}")
        _check_literal("schedule", self.schedule, Schedule)
        if late := [e for e in self.decay_at if e >= self.planned_epochs]:
            raise ValueError(f"optim.decay_at {late} lies at or after planned_epochs = {self.planned_epochs}")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run computes. Device, folders and resuming are not part of it."""

    benchmark: str
    """A published one, or one that the store of one's own data has (`ClipStore.benchmark`)."""
    modality: Modality = "joint"
    """What the net sees: joints, bones, or the motion of either."""
    parity: Parity = "corrected"
    """gap: bones, part lists, prompts and scale as in the official code; corrected: as they were meant."""
    encoder: str = "ctrgcn"
    """The net that turns a clip into features."""
    encoder_width: int = 64
    """Size of the net: 64 is the published one of every encoder, 32 has half the channels."""
    persons: PersonsRule = "every_slot"
    """every_slot: an empty second slot counts as a person, as published; present: only who is there."""
    clip_length: int | None = None
    """Frames the net sees; the benchmark's number if not given."""
    input: tuple[str, ...] = ()
    """Changes of the input path: Rotate.max_radians=0.2, Rotate=off, or Mirror(share=0.5) to add a step."""
    batch_size: int = 64
    """Clips per step."""
    repeat: int = 5
    """How often one epoch shows each clip, each time cut and turned differently."""
    hold_out: float = 0.0
    """Share of the training performances kept out of training, for fitting ensemble weights."""
    unseen: tuple[int, ...] = ()
    """Labels of classes that training never sees, for zero-shot tests: their training clips are left out."""
    classes_weighted: ClassWeights = "none"
    """sqrt: rare classes count more in cross-entropy, by the square root of their number of clips."""
    precision: Precision = "auto"
    """auto: bf16 autocast where the device multiplies it faster, else fp32. Tests always run in fp32."""
    seed: int = 1
    """Decides start values, order and looks of the clips."""
    start_from: str | None = None
    """Folder of a finished run that the encoder starts from; joints are matched by name. Also --from."""
    freeze_epochs: int = 0
    """With start_from: so many epochs at first train all but the encoder."""
    text: TextConfig = field(default_factory=TextConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        _check_literal("modality", self.modality, Modality)
        _check_literal("parity", self.parity, Parity)
        _check_literal("precision", self.precision, Precision)
        _check_literal("rule for persons", self.persons, PersonsRule)
        _check_literal("weights of classes", self.classes_weighted, ClassWeights)
        if self.parity == "gap" and self.text.prompts != "parts4":
            raise ValueError(
                f"parity gap has the prompts of the official code, parts4; got {self.text.prompts!r}"
            )
        if not 0 <= self.hold_out < 1:
            raise ValueError(f"hold_out is a share in [0, 1), got {self.hold_out}")
        for name in ("batch_size", "repeat", "clip_length"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.freeze_epochs < 0 or (self.freeze_epochs and self.start_from is None):
            raise ValueError(
                f"freeze_epochs is 0 or more, and holds an encoder that start_from names; got "
                f"{self.freeze_epochs} with start_from {self.start_from!r}"
            )
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        object.__setattr__(self, "unseen", tuple(sorted(self.unseen)))  # a set of classes has no order
        object.__setattr__(self, "input", tuple(self.input))
        if self.benchmark in BENCHMARKS:  # one's own is checked when its store is there
            self.check_unseen(BENCHMARKS[self.benchmark].num_classes)

    def check_unseen(self, num_classes: int) -> None:
        """ValueError unless `unseen` are labels of that many classes and two or more are left.

        A class keeps its label and name whether it is seen or not.
        """
        if wrong := [label for label in self.unseen if not 0 <= label < num_classes]:
            raise ValueError(
                f"unseen: {wrong[0]} is no label of {self.benchmark}, whose labels are 0 to {num_classes - 1}"
            )
        if len(set(self.unseen)) != len(self.unseen):
            raise ValueError(f"unseen: a class is named twice in {self.unseen}")
        if num_classes - len(self.unseen) < 2:
            raise ValueError(
                f"unseen: {len(self.unseen)} of the {num_classes} classes of {self.benchmark} leave "
                f"{num_classes - len(self.unseen)} to train on; at least two are needed"
            )

    @property
    def scale(self) -> TextScale:
        """What text.scale "auto" means here."""
        if self.text.scale != "auto":
            return self.text.scale
        return "linear" if self.parity == "gap" else "exp"

    @property
    def tune_rate(self) -> float:
        """What text.tune_rate means here if it is not given."""
        if self.text.tune_rate is not None:
            return self.text.tune_rate
        return 1.0 if self.parity == "gap" else 0.01

    def with_text(self, **changes: Any) -> "RunConfig":
        """The same run with another language side: fields of `TextConfig`."""
        return replace(self, text=replace(self.text, **changes))


@dataclass(frozen=True)
class TrainOptions:
    """How to run, as opposed to what: none of this changes what the recipe means."""

    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda, cuda:0, ..."""
    resume: bool = False
    """Go on with the run in the folder; `lst train --resume RUN` needs no other option."""
    overwrite: bool = False
    """Delete the run in the folder and start from nothing."""
    compile: bool = False
    """Use torch.compile: minutes of compiling, then faster steps on a GPU."""
    test_every: int = 1
    """Measure the test split after every n-th epoch, for the curve only; 0 = after the last one only."""
    progress: bool = True
    """A bar on a terminal."""
    place: PlaceChoice = "auto"
    """Where the clips lie: on the device, on disk (memory-mapped), or auto: on the device if a third of its
    free memory is enough. The results are the same bits."""


def flat(config: RunConfig) -> dict[str, Any]:
    """Every field by its name on the command line, such as "optim.lr"."""
    return _flat(asdict(config))


def changed_fields(saved: Mapping[str, Any], config: RunConfig) -> list[str]:
    """Where a config as JSON has it differs from this one, such as "seed: 1 -> 2".

    A field that lst did not have when it was saved had its default then.
    """
    defaults = RunConfig(benchmark=config.benchmark)
    before = _flat(as_json(asdict(defaults))) | _flat(saved)
    now = _flat(as_json(asdict(config)))
    changed = [key for key in sorted(before) if before[key] != now.get(key)]
    return [f"{key}: {before[key]} -> {now.get(key)}" for key in changed]


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from a file: tuples are lists."""
    return json.loads(json.dumps(values))


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    groups = {key: fields for key, fields in values.items() if isinstance(fields, dict)}
    plain = {key: value for key, value in values.items() if key not in groups}
    return plain | {f"{group}.{name}": v for group, fields in groups.items() for name, v in fields.items()}


def overrides(name: str, config: RunConfig, base: RunConfig | None = None) -> dict[str, Any]:
    """What a run changed of its recipe, apart from the seed; everything, when the recipe is unknown.

    `base` is the recipe where it has no name in RECIPES.
    """
    recipe = RECIPES.get(name, base)
    before = {} if recipe is None else flat(recipe)
    return {key: value for key, value in flat(config).items() if key != "seed" and before.get(key) != value}


def _streams(prefix: str, base: RunConfig) -> dict[str, RunConfig]:
    """The four streams of one base recipe: <prefix>-joint, -bone, -joint-motion, -bone-motion."""
    return {f"{prefix}-{m.replace('_', '-')}": replace(base, modality=m) for m in STREAMS}


def _from_fields(fields: Mapping[str, Any]) -> RunConfig:
    groups = {"text": TextConfig(**fields.get("text", {})), "optim": OptimConfig(**fields.get("optim", {}))}
    return RunConfig(**{**fields, **groups})


# Published (second-hand, method.md Section 15): four streams 97.2 for GAP, 96.5 for CTR-GCN.
_NW_UCLA = RunConfig(benchmark="nw-ucla", optim=OptimConfig(lr=0.2, weight_decay=4e-4))
_NW_UCLA_CLEAN = replace(_NW_UCLA, benchmark="nw-ucla-clean")
# Ours, for a laptop: 12 epochs of 32 frames instead of 110 of 52, a fifteenth of the published work.
_SHORT_OPTIM = OptimConfig(
    lr=0.1,
    weight_decay=4e-4,
    epochs=12,
    planned_epochs=12,
    warmup=3,
    decay_at=(),
    schedule="cosine",
    per_step=True,
)
_NW_UCLA_SHORT = replace(_NW_UCLA, clip_length=32, optim=_SHORT_OPTIM)
# Published (second-hand, method.md Section 15), in the order of the names below: GAP's joint stream has
# 90.2 / 95.6 / 85.5 / 87.0, its four streams 92.9 / 97.0 / 89.9 / 91.1. Sizes are GAP's (method.md 12.2).
_NTU = RunConfig(benchmark="ntu60-xsub", batch_size=200, repeat=1, text=TextConfig(weight=0.8))
_NTU_FAMILIES = {
    name: replace(_NTU, benchmark=name)
    for name in ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")
}
# Built-in synthetic clips and a narrow net: minutes on two CPU cores. Not comparable with anything.
_DEMO = RunConfig(
    benchmark="synthetic",
    encoder_width=16,
    clip_length=32,
    batch_size=32,
    repeat=1,
    optim=OptimConfig(lr=0.1, epochs=16, planned_epochs=16, warmup=1, decay_at=(), schedule="cosine"),
)

_FAMILIES: dict[str, RunConfig] = {
    "nw-ucla": _NW_UCLA,
    "nw-ucla-clean": _NW_UCLA_CLEAN,
    "nw-ucla-short": _NW_UCLA_SHORT,
    "nw-ucla-clean-short": replace(_NW_UCLA_SHORT, benchmark="nw-ucla-clean"),
    "gap-nw-ucla": replace(_NW_UCLA, parity="gap"),
    "gap-nw-ucla-clean": replace(_NW_UCLA_CLEAN, parity="gap"),
    **{name: replace(base, persons="present") for name, base in _NTU_FAMILIES.items()},
    **{f"gap-{name}": replace(base, parity="gap") for name, base in _NTU_FAMILIES.items()},
    "demo": _DEMO,
    **{family: _from_fields(fields) for family, fields in encoder_families().items()},
}
RECIPES: dict[str, RunConfig] = {
    name: config for family, base in _FAMILIES.items() for name, config in _streams(family, base).items()
}


def get_recipe(name: str) -> RunConfig:
    """The recipe called `name`; ValueError with the nearest names otherwise."""
    return choose("recipe", name, RECIPES)


def stream_names(family: str) -> tuple[str, ...]:
    """The four recipes of a family such as "nw-ucla", in the order of STREAMS."""
    return tuple(_streams(family, choose("family of recipes", family, _FAMILIES)))
