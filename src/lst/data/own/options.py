"""What a user says about files that do not say it themselves."""

from dataclasses import dataclass

from lst.facts.skeleton import Skeleton


@dataclass(frozen=True)
class ReadOptions:
    """For the readers; None and empty = look at the file."""

    format: str | None = None
    layout: Skeleton | None = None
    joints: tuple[str, ...] = ()
    """Names in the order of the file, where the file does not name them, or names them wrongly."""
    image_landmarks: bool = False
    """MediaPipe: the landmarks of the image, not those of the world."""
    fps: float | None = None

    @property
    def num_joints(self) -> int | None:
        """Of the file, if it is known."""
        if self.joints:
            return len(self.joints)
        return self.layout.num_joints if self.layout else None
