"""The 3D skeleton in a room: perspective, slow orbit, floor, shadow and the rig's cameras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.view import canvas, ground
from hybrid_pose_ros.view.body import draw_ghost, draw_skeleton
from hybrid_pose_ros.view.overlay import confidence_opacity
from hybrid_pose_ros.view.pinhole import Pinhole

_FRUSTUM_M = 0.45
_SIGHT_M = 1.1  # height at which the cameras' lines of sight end
_START_DEG, _DEG_PER_S = -130.0, 8.0  # DHP19 subjects face -y: the orbit passes their front
_ELEVATION_DEG = 14.0
_DISTANCE_M = 5.2
_FOLLOW = 0.04  # share of the way to the person that the eye's target moves per picture


class Scene3D:
    """Draws one picture after the other of one person.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        cameras: the rig, drawn as frustums.
        floor_z: height of the floor in the world, metres.
        view_m: how many metres the picture shows from top to bottom at the person.
    """

    def __init__(
        self,
        width: int,
        height: int,
        cameras: Sequence[Camera] = (),
        floor_z: float = 0.0,
        view_m: float = 2.5,
    ) -> None:
        self.width, self.height = width, height
        self.cameras = tuple(cameras)
        self.floor_z = floor_z
        self.view_m = view_m
        self._centre: np.ndarray | None = None

    def eye(self, t_s: float) -> Pinhole:
        """The orbiting eye at time t_s."""
        middle = np.array([*self._ground_centre()[:2], self.floor_z + 0.97])
        azimuth = np.radians(_START_DEG + _DEG_PER_S * t_s)
        focal = self.height * _DISTANCE_M / self.view_m
        centre = ((self.width - 1) / 2, (self.height - 1) / 2)
        return Pinhole.orbit(
            middle, _DISTANCE_M, azimuth, np.radians(_ELEVATION_DEG), focal, centre
        )

    def draw(
        self,
        t_s: float,
        xyz: np.ndarray | None,
        confidence: np.ndarray | None = None,
        truth_xyz: np.ndarray | None = None,
    ) -> np.ndarray:
        """One picture.

        Args:
            t_s: time that sets the orbit, seconds.
            xyz: (13, 3) metres, NaN = missing; None draws an empty room.
            confidence: (13,) in 0..1; None = certain.
            truth_xyz: (13, 3) metres, drawn as a grey body.

        Returns:
            (height, width, 3) uint8 BGR.
        """
        self._follow(truth_xyz if xyz is None else xyz)
        eye = self.eye(t_s)
        image = canvas.new_canvas(self.height, self.width, canvas.PANEL)
        ground.draw_floor(image, eye, self._ground_centre())
        for body in (truth_xyz, xyz):
            if body is not None:
                ground.draw_shadow(image, eye, body, self.floor_z)
                break
        chest = self._ground_centre() + np.array([0.0, 0.0, _SIGHT_M])
        for camera in self.cameras:
            draw_frustum(image, eye, camera)
            _draw_sight(image, eye, camera, chest)
        if truth_xyz is not None:
            draw_ghost(image, eye, truth_xyz)
        if xyz is not None:
            alpha = np.ones(len(xyz)) if confidence is None else confidence_opacity(confidence)
            draw_skeleton(image, eye, xyz, alpha)
        return image

    def _follow(self, xyz: np.ndarray | None) -> None:
        if xyz is None or not np.isfinite(xyz).all(1).any():
            return
        middle = np.nanmedian(np.asarray(xyz, np.float64)[:, :2], axis=0)
        if self._centre is None:
            self._centre = middle
        self._centre = self._centre + _FOLLOW * (middle - self._centre)

    def _ground_centre(self) -> np.ndarray:
        x, y = (0.0, 0.0) if self._centre is None else self._centre
        return np.array([x, y, self.floor_z])


def draw_frustum(image: np.ndarray, eye: Pinhole, camera: Camera) -> None:
    """A camera as the pyramid that it sees through."""
    u, v = camera.width - 0.5, camera.height - 0.5
    rays = camera.rays(np.array([[-0.5, -0.5], [u, -0.5], [u, v], [-0.5, v]]))
    corners = camera.center + _FRUSTUM_M * rays
    starts = np.concatenate([np.tile(camera.center, (4, 1)), corners])
    ends = np.concatenate([corners, np.roll(corners, -1, axis=0)])
    a, b = eye.project_segments(starts, ends)
    for p, q in zip(a.tolist(), b.tolist(), strict=True):
        canvas.line(image, p, q, canvas.MUTED, 1)


def _draw_sight(image: np.ndarray, eye: Pinhole, camera: Camera, goal: np.ndarray) -> None:
    """A faint dashed line from the camera to the person, with the camera's name."""
    shares = np.linspace(0.0, 1.0, 41)[:, None]
    points = camera.center + shares * (goal - camera.center)
    a, b = eye.project_segments(points[0:-1:2], points[1::2])
    canvas.segments(image, a, b, canvas.mix(canvas.PANEL, canvas.MUTED, 0.55))
    height, width = image.shape[:2]
    for x, y in a.tolist():  # the name goes where the line enters the picture
        if 4 <= x < width - 50 and 60 <= y < height:
            canvas.text(image, (x, y - 8), camera.name, 13, canvas.MUTED)
            break
