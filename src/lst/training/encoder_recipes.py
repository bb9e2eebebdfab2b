"""Recipes of the encoders beside CTR-GCN, as the papers and code bases have them: fields of `RunConfig`.

A family is ENCODER-BENCHMARK, such as stgcnpp-ntu60-xsub. Like all recipes they train with language; what was
published is the plain encoder, `--text.weight 0`. Published figures are in `facts/encoders.py`, shown by
`lst models`. Rates are those of the published batch; pyskl says that they grow with the batch.

What differs from the published recipes: pyskl's alignment of spine and shoulders (ST-GCN, ST-GCN++) and the
flip of left and right by index (96-wide trunk) are not done; the last epoch counts; pyskl's figures are
averages over ten samplings.
"""

from typing import Any

_NTU = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")
_NTU_TEXT = {"weight": 0.8}

_COSINE = {"schedule": "cosine", "per_step": True, "warmup": 0, "decay_at": (), "weight_decay": 5e-4}
# pyskl, configs/stgcn/ and configs/stgcn++/: 100 frames, nothing turned, 8 x 16 clips, 16 epochs x 5.
_PYSKL = {
    "batch_size": 128,
    "repeat": 5,
    "clip_length": 100,
    "input": ("UniformFrames()", "Rotate=off"),
    "optim": {**_COSINE, "lr": 0.1, "epochs": 16, "planned_epochs": 16},
}
# pyskl, configs/dgstgcn/: turned by up to 0.2, 4 x 16 clips, 150 epochs. ProtoGCN has the same.
_DG = {
    "batch_size": 64,
    "repeat": 1,
    "clip_length": 100,
    "input": ("UniformFrames()", "Rotate.max_radians=0.2"),
    "optim": {**_COSINE, "lr": 0.1, "epochs": 150, "planned_epochs": 150},
}
# BlockGCN: the input path of CTR-GCN.
_BLOCK_OPTIM = {"lr": 0.05, "epochs": 140, "planned_epochs": 140, "warmup": 5, "decay_at": (110, 120)}
_BLOCK = {"batch_size": 64, "repeat": 1, "optim": {**_BLOCK_OPTIM, "weight_decay": 4e-4}}
# The baselines get GAP's schedule (method.md 12.2), as beside CTR-GCN in its paper.
_GAP = {"batch_size": 200, "repeat": 1, "persons": "present"}

_ON_NTU: dict[str, dict[str, Any]] = {
    "ctrgcn-static": _GAP,
    "gcn-baseline": _GAP,
    "stgcn": _PYSKL,
    "stgcnpp": _PYSKL,
    "dgstgcn": _DG,
    "dgstgcn-wide": _DG,
    "blockgc": _BLOCK,
}
# NW-UCLA: BlockGCN has its own numbers (joint 95.5 with its homology branch). The others have none that were
# published, so they get GAP's; 0.2 is a high rate for 64 clips, and 0.1 is worth a try.
_GAP_UCLA = {"batch_size": 64, "repeat": 5, "optim": {"lr": 0.2, "weight_decay": 4e-4}}
_BLOCK_UCLA = {"batch_size": 16, "repeat": 5, "optim": {**_BLOCK_OPTIM, "weight_decay": 2e-4}}


def encoder_families() -> dict[str, dict[str, Any]]:
    """Family -> fields of `RunConfig`; "text" and "optim" hold those of their groups."""
    families: dict[str, dict[str, Any]] = {}
    for encoder, fields in _ON_NTU.items():
        for benchmark in _NTU:
            own = {"benchmark": benchmark, "encoder": encoder, "text": _NTU_TEXT}
            families[f"{encoder}-{benchmark}"] = {**own, **fields}
        ucla = _BLOCK_UCLA if encoder == "blockgc" else _GAP_UCLA
        families[f"{encoder}-nw-ucla"] = {"benchmark": "nw-ucla", "encoder": encoder, **ucla}
    return families
