"""The layouts `lst` knows, by name."""

from lst.facts.choices import choose
from lst.facts.layouts.azure_kinect import AZURE_KINECT_32
from lst.facts.layouts.coco import COCO_17
from lst.facts.layouts.kinect_v1 import KINECT_V1_20
from lst.facts.layouts.kinect_v2 import KINECT_V2_25
from lst.facts.layouts.mediapipe import MEDIAPIPE_33
from lst.facts.layouts.openpose_body25 import OPENPOSE_BODY25
from lst.facts.layouts.openpose_coco18 import OPENPOSE_COCO18
from lst.facts.skeleton_type import KINECT_V2_JOINTS, Skeleton

__all__ = ["KINECT_V2_JOINTS", "LAYOUTS", "Skeleton", "get_layout"]

LAYOUTS: dict[str, Skeleton] = {
    layout.name: layout
    for layout in (
        KINECT_V2_25,
        KINECT_V1_20,
        COCO_17,
        OPENPOSE_BODY25,
        OPENPOSE_COCO18,
        MEDIAPIPE_33,
        AZURE_KINECT_32,
    )
}


def get_layout(name: str) -> Skeleton:
    """The layout called `name`.

    Raises:
        ValueError: there is no such layout.
    """
    return choose("layout", name, LAYOUTS)
