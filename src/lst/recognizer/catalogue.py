"""What there is to choose from, by name, and plain networks without data."""

from typing import Any

from torch import nn

from lst.facts.own_layout import LayoutLike
from lst.facts.skeleton import LAYOUTS
from lst.nets.classifier import ENCODERS, build_classifier
from lst.training.recipes import RECIPES


def list_models() -> list[str]:
    """Encoders for `create_model`.

    >>> "ctrgcn" in lst.list_models()
    True
    """
    return sorted(ENCODERS)


def list_recipes() -> list[str]:
    """Recipes for `train` and `lst train`.

    >>> "nw-ucla-joint" in lst.list_recipes()
    True
    """
    return sorted(RECIPES)


def list_layouts() -> list[str]:
    """Layouts of joints for `get_layout`.

    >>> "coco_17" in lst.list_layouts()
    True
    """
    return sorted(LAYOUTS)


def create_model(
    name: str, *, layout: LayoutLike, num_classes: int, num_persons: int = 1, **options: Any
) -> nn.Module:
    """A network with start values (torch's global seed): clips (N, 3, T, V, M) -> logits (N, K).

    >>> model = lst.create_model("ctrgcn", layout="coco_17", num_classes=10, width=16)
    >>> model(torch.zeros(2, 3, 64, 17, 1)).shape
    torch.Size([2, 10])

    Args:
        name: an encoder of `list_models()`.
        layout: name of a layout, or a `Skeleton`.
        options: what else `lst.nets.classifier.build_classifier` takes, such as width and persons.

    Raises:
        ValueError: an unknown name, with the nearest ones, or an option of another name.
    """
    try:
        return build_classifier(
            encoder=name, layout=layout, num_persons=num_persons, num_classes=num_classes, **options
        )
    except TypeError as error:
        raise ValueError(f"create_model({name!r}): {error}") from None
