"""The split rules: clip id -> "train", "test", or None for a clip that is not in the protocol.

Sources: data.md 1.2 (NTU RGB+D, performer lists of CTR-GCN) and 2.2, 2.3 (NW-UCLA). Every rule raises
ValueError for a clip id of another form.
"""

from lst.facts.choices import Split
from lst.facts.clip_ids import NtuId, parse_ntu_id, parse_ucla_id

NTU60_TRAIN_SUBJECTS = frozenset({1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38})
NTU120_TRAIN_SUBJECTS = NTU60_TRAIN_SUBJECTS | frozenset(
    {45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91}
    | {92, 93, 94, 95, 97, 98, 100, 103}
)

_COPIED_ACTIONS = (2, 3)
_COPIED_EPISODES = {  # of subjects 1 to 10: all view-3 clips that the archive has of the two actions
    2: ("01234", "01234", "01234", "01234", "01234", "01234", "012345", "01234", "01234", "0124"),
    3: ("01234", "01234", "012345", "01234", "01234", "012", "01234", "0123", "024", "0123"),
}


def ntu60_xsub(clip_id: str) -> Split | None:
    clip = parse_ntu_id(clip_id)
    if not _is_ntu60(clip):
        return None
    return "train" if clip.subject in NTU60_TRAIN_SUBJECTS else "test"


def ntu60_xview(clip_id: str) -> Split | None:
    clip = parse_ntu_id(clip_id)
    if not _is_ntu60(clip):
        return None
    return "train" if clip.camera in (2, 3) else "test"


def ntu120_xsub(clip_id: str) -> Split | None:
    clip = parse_ntu_id(clip_id)
    if not _is_ntu120(clip):
        return None
    return "train" if clip.subject in NTU120_TRAIN_SUBJECTS else "test"


def ntu120_xset(clip_id: str) -> Split | None:
    clip = parse_ntu_id(clip_id)
    if not _is_ntu120(clip):
        return None
    return "train" if clip.setup % 2 == 0 else "test"


def nw_ucla(clip_id: str) -> Split | None:
    """Views 1 and 2 train, view 3 test."""
    splits: dict[int, Split] = {1: "train", 2: "train", 3: "test"}
    return splits.get(parse_ucla_id(clip_id).view)


def nw_ucla_clean(clip_id: str) -> Split | None:
    """As `nw_ucla`, without the training clips whose copies are test clips: a02 and a03 of view 2."""
    clip = parse_ucla_id(clip_id)
    if clip.action in _COPIED_ACTIONS and clip.view == 2:
        return None
    return nw_ucla(clip_id)


def nw_ucla_twin(clip_id: str) -> str | None:
    """The training clip of which this test clip is a copy (data.md 2.3), or None if it is not one.

    All view-3 clips of a02 and a03 are copies of the clip of the same name in view 2.
    """
    clip = parse_ucla_id(clip_id)
    is_copy = clip.action in _COPIED_ACTIONS and clip.view == 3
    return clip_id.removesuffix("v03") + "v02" if is_copy else None


def nw_ucla_copied_test_clips() -> frozenset[str]:
    """The 95 test clips of NW-UCLA's archive for which `nw_ucla_twin` has an answer."""
    return frozenset(
        f"a{action:02d}_s{subject:02d}_e0{episode}_v03"
        for action in _COPIED_ACTIONS
        for subject, episodes in enumerate(_COPIED_EPISODES[action], start=1)
        for episode in episodes
    )


def synthetic(clip_id: str) -> Split | None:
    """Subjects 1 to 8 train, 9 to 12 test: the test persons are new."""
    subject = parse_ucla_id(clip_id).subject
    if not 1 <= subject <= 12:
        return None
    return "train" if subject <= 8 else "test"


def _is_ntu60(clip: NtuId) -> bool:
    return (
        1 <= clip.setup <= 17 and 1 <= clip.camera <= 3 and 1 <= clip.subject <= 40 and 1 <= clip.action <= 60
    )


def _is_ntu120(clip: NtuId) -> bool:
    in_range = 1 <= clip.setup <= 32 and 1 <= clip.camera <= 3 and 1 <= clip.subject <= 106
    # Actions 1 to 60 are those of NTU60, and they were recorded in its setups only.
    return in_range and (1 <= clip.action <= 60 if clip.setup <= 17 else 61 <= clip.action <= 120)
