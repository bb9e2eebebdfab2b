"""What may happen to a clip of NTU RGB+D without making it a problem."""

from collections.abc import Mapping

NOTES: Mapping[str, str] = {
    "listed": "on the published list of missing or incomplete skeletons, left out",
    "other_dataset": "of NTU RGB+D 120 only, left out",
    "extra_lines": "lines behind the last frame, ignored",
    "short_bodies": "bodies of 11 frames or fewer, deleted as noise",
    "wide_bodies": "bodies wider than a person, deleted as furniture",
    "all_wide": "last bodies, kept although wider than a person",
    "left_out_bodies": "bodies beside two others at the same time, left out",
    # the reference pipeline
    "frames_without_body": "frames without a body, dropped",
    "empty_frames": "frames without a person after cleaning, dropped",
    "not_finite": "coordinates that are NaN or infinite, kept",
    "zero_frames": "frames of a single person with all joints at 0, kept (they become minus the origin)",
    "gap_frames": "frames in which a body was lost, squeezed out (it is early from there on)",
    "kept_short": "no body of 12 frames or more, the one that moves most kept",
    # imported pickles
    "pre_centred": "frames centred on the first person one by one before the file was written",
    "pre_turned": "frames turned before the file was written, so that z points up",
    # the clean pipeline
    "trimmed_frames": "frames before the first or after the last sight of a person, cut off",
    "nobody_frames": "frames inside a clip in which nobody is tracked, kept as 0",
    "filled_frames": "frames in which a body was lost, filled by interpolation",
    "filled_joints": "joints that are NaN or infinite in a frame, filled by interpolation",
    "zero_sights": "sights of a body with all joints at 0, taken as not seen",
    "unreachable_bodies": "bodies too far from where either person was last to be one of them, left out",
    "kept_longest": "no body of 12 frames or more, the one seen longest kept",
}
"""A sentence for every kind. The manifest has the number for every clip."""


def note_sentences(notes: Mapping[str, Mapping[str, int]]) -> list[str]:
    """By kind, the number for every clip -> one sentence for each kind that happened."""
    return [
        f"{NOTES[kind]}: {sum(clips.values()):,} in {len(clips):,} clips such as {next(iter(clips))}"
        for kind, clips in sorted(notes.items())
        if clips
    ]
