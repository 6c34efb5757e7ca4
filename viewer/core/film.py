"""Film: how moving pictures are taken along a path, as plain numbers."""

from dataclasses import dataclass

HALF_TURN = 180.0  # degrees: the shutter of most films


@dataclass(frozen=True, slots=True)
class Film:
    """size: pixels, W and H. supersample: samples of a pixel along each side.

    blur: moments averaged into a frame, spread over the part of it in which the shutter is open;
    shutter: that part in degrees, 360 is the whole frame. transparent: no background, with alpha.
    """

    size: tuple[int, int] = (1280, 720)
    fps: float = 30.0
    supersample: int = 1
    blur: int = 1
    shutter: float = HALF_TURN
    transparent: bool = False

    @property
    def sampled(self) -> bool:
        """Whether a frame is more than one picture as drawn."""
        return self.supersample > 1 or self.blur > 1 or self.transparent

    @property
    def grid(self) -> tuple[int, int]:
        """Pixels drawn for each moment, W and H."""
        return (self.size[0] * self.supersample, self.size[1] * self.supersample)

    def frames(self, duration: float) -> int:
        """How many there are in so many seconds; one at least."""
        return max(1, round(duration * self.fps))

    def moments(self, frame: int) -> tuple[float, ...]:
        """Seconds at which a frame is looked at; the shutter opens as the frame begins."""
        if self.blur == 1:
            return (frame / self.fps,)
        opened = self.shutter / 360 / self.fps
        return tuple(frame / self.fps + opened * (i + 0.5) / self.blur for i in range(self.blur))
