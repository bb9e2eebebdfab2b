"""Benchmark: data set + protocol. Which clips train, which test, the classes, the expected clip counts.

The published ones are here, to be checked against. A store of one's own makes its own: `ClipStore.benchmark`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lst.facts import splits
from lst.facts.choices import FramesRule, MissingPerson, Split, choose
from lst.facts.clip_ids import NtuId, UclaId, parse_ntu_id, parse_ucla_id
from lst.facts.coordinates import Coordinates
from lst.facts.ntu_classes import NTU120_CLASSES
from lst.facts.skeleton import Skeleton, get_layout


@dataclass(frozen=True)
class Benchmark:
    """A data set with a protocol.

    Raises:
        ValueError: repeated class names, or not one action number per class.
    """

    name: str
    dataset: str
    """Name of the store that holds its clips; several benchmarks share one."""
    layout: str | Skeleton
    """The name of a layout that ships, or one's own."""
    class_names: tuple[str, ...]
    num_persons: int
    """Person slots of a network's input."""
    clip_length: int
    """Frames of a network's input."""
    frames: FramesRule
    """How a clip gets that length."""
    rule: Callable[[str], Split | None]
    """Clip id -> split; None = not in this protocol. ValueError for an id of another form."""
    expected: Mapping[str, int]
    """Clips per split in a complete data set; empty = not known."""
    notice: str | None = None
    """One line for whoever uses it; to be printed once."""
    copied_test_clips: frozenset[str] = frozenset()
    """Test clips that are numerically identical to a training clip."""
    actions: tuple[int, ...] = ()
    """The action number in the file names for each class; empty = 1, 2, 3, ..."""
    parse_id: Callable[[str], NtuId | UclaId] = parse_ucla_id
    missing_person: MissingPerson = "zeros"
    """What the official preparation puts where a clip has one person only (Q49)."""
    coordinates: Coordinates | None = None
    """None = those of the published recordings."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """One's own data: clip id -> what is never torn apart. Published data sets have it in their clip ids."""

    def __post_init__(self) -> None:
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"benchmark {self.name!r}: class names are repeated")
        if self.actions and len(set(self.actions)) != len(self.class_names):
            raise ValueError(
                f"benchmark {self.name!r}: expected {len(self.class_names)} different action numbers, "
                f"one per class, got {self.actions}"
            )

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def skeleton(self) -> Skeleton:
        return get_layout(self.layout) if isinstance(self.layout, str) else self.layout

    def label_of(self, clip_id: str) -> int:
        """0-based class of a clip, from its id.

        Raises:
            ValueError: an id of another form, or an action that is no class of this benchmark.
        """
        actions = self.actions or tuple(range(1, self.num_classes + 1))
        action = self.parse_id(clip_id).action
        if action not in actions:
            known = ", ".join(map(str, actions)) if self.actions else f"1 to {self.num_classes}"
            raise ValueError(
                f"clip {clip_id!r}: action {action} is no class of {self.name!r}, whose actions are {known}"
            )
        return actions.index(action)

    def performance_of(self, clip_id: str) -> str:
        """What was filmed: clips of one performance differ in their camera only and belong together.

        Of one's own data it is the group: all clips of one person, or of one recording.
        """
        if self.groups:
            return self.groups[clip_id]
        numbers = self.parse_id(clip_id)._asdict()
        return " ".join(f"{what} {n}" for what, n in numbers.items() if what not in ("view", "camera"))

    def check_counts(self, counts: Mapping[str, int]) -> list[str]:
        """One sentence for each split without the expected number of clips; empty = all as expected.

        `counts` are clips by split; a split that is not there counts as 0.
        """
        return [
            f"{self.name}: expected {wanted:,} {split} clips, found {counts.get(split, 0):,} "
            f"({_difference(counts.get(split, 0) - wanted)})"
            for split, wanted in self.expected.items()
            if counts.get(split, 0) != wanted
        ]


def _difference(surplus: int) -> str:
    return f"{surplus:,} too many" if surplus > 0 else f"{-surplus:,} missing"


def _ntu(
    name: str, dataset: str, num_classes: int, rule: Callable[[str], Split | None], train: int, test: int
) -> Benchmark:
    return Benchmark(
        name=name,
        dataset=dataset,
        layout="kinect_v2_25",
        class_names=NTU120_CLASSES[:num_classes],
        num_persons=2,
        clip_length=64,
        frames="crop_resize",
        rule=rule,
        expected={"train": train, "test": test},
        parse_id=parse_ntu_id,
        missing_person="repeat" if dataset == "ntu120" else "zeros",
    )


NW_UCLA_CLASSES = (  # data.md 5.2, the names of GAP's texts
    *("pick up with one hand", "pick up with two hands", "drop trash", "walk around", "sit down"),
    *("stand up", "donning", "doffing", "throw", "carry"),
)
NW_UCLA_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)

SYNTHETIC_CLASSES = (
    *("wave right hand", "wave both hands", "clap", "punch forward", "raise both arms", "drink from cup"),
    *("nod head", "bow", "squat", "kick forward", "march in place", "jump"),
)

_NW_UCLA = Benchmark(
    name="nw-ucla",
    dataset="nw-ucla",
    layout="kinect_v1_20",
    class_names=NW_UCLA_CLASSES,
    num_persons=1,
    clip_length=52,
    frames="random_frames",
    rule=splits.nw_ucla,
    expected={"train": 1020, "test": 464},
    notice=(
        "nw-ucla: 95 of its 464 test clips are copies of training clips; "
        "`nw-ucla-clean` avoids that by leaving those out of training."
    ),
    copied_test_clips=splits.nw_ucla_copied_test_clips(),
    actions=NW_UCLA_ACTIONS,
)

_NW_UCLA_CLEAN = Benchmark(
    name="nw-ucla-clean",
    dataset="nw-ucla",
    layout="kinect_v1_20",
    class_names=NW_UCLA_CLASSES,
    num_persons=1,
    clip_length=52,
    frames="random_frames",
    rule=splits.nw_ucla_clean,
    expected={"train": 925, "test": 464},
    actions=NW_UCLA_ACTIONS,
)

_SYNTHETIC = Benchmark(
    name="synthetic",
    dataset="synthetic",
    layout="kinect_v1_20",
    class_names=SYNTHETIC_CLASSES,
    num_persons=1,
    clip_length=52,
    frames="random_frames",
    rule=splits.synthetic,
    expected={"train": 12 * 8 * 2 * 3, "test": 12 * 4 * 2 * 3},  # classes, subjects, episodes, views
)

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        _NW_UCLA,
        _NW_UCLA_CLEAN,
        _ntu("ntu60-xsub", "ntu60", 60, splits.ntu60_xsub, 40_091, 16_487),
        _ntu("ntu60-xview", "ntu60", 60, splits.ntu60_xview, 37_646, 18_932),
        _ntu("ntu120-xsub", "ntu120", 120, splits.ntu120_xsub, 63_026, 50_919),
        _ntu("ntu120-xset", "ntu120", 120, splits.ntu120_xset, 54_468, 59_477),
        _SYNTHETIC,
    )
}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark called `name`.

    Raises:
        ValueError: there is no such benchmark.
    """
    return choose("benchmark", name, BENCHMARKS)
