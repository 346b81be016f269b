"""What the two stages of the estimator say: keyframes and updates of one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints


@dataclass(frozen=True)
class Keyframe:
    """The CNN's pose at time t_ns and the start that it gives to the SNN.

    Attributes:
        number: keyframe n describes sensor time n * keyframe interval.
        t_ns: end of the events used, sensor clock.
        state: logits and membranes, see runtime/state_transport.py; empty if stripped.
        model_id: fingerprint of the weights.
    """

    camera: str
    number: int
    t_ns: int
    keypoints: Keypoints
    state: bytes
    model_id: str


@dataclass(frozen=True)
class Update:
    """The SNN's pose at the end of one bin.

    Attributes:
        keyframe: number of the keyframe that it starts from.
        step: bins since that keyframe, from 1.
        t_ns: end of the bin, sensor clock.
        keyframe_uv: (13, 2) that keyframe's own keypoints, sensor pixels.
        keypoints: absolute pose.
        spike_rate: share of the neurons that fired in this bin.
        synaptic_operations: additions that the active inputs of this bin caused.
    """

    camera: str
    keyframe: int
    step: int
    t_ns: int
    keyframe_uv: np.ndarray
    keypoints: Keypoints
    spike_rate: float
    synaptic_operations: int
