"""How fast cameras are simulated: CPU time per simulated second of two cameras, one thread.

    python benchmarks/simulation_speed.py [SENSOR ...]

1.0 is real time on one core. Movements: 9 (walk), 22 (star jumps), 27 (wave), which make few and
many events.
"""

from __future__ import annotations

import sys
import time

from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.presets import PRESETS, rig_for
from hybrid_pose_ros.simulator.simulate import record

CAMERAS = ["cam2", "cam3"]
SECONDS = 3.0


def main() -> None:
    """Print a table."""
    print(f"{'sensor':12}{'movement':>10}{'CPU s / s':>12}{'k events / s and camera':>28}")
    for sensor in sys.argv[1:] or PRESETS:
        rig, model = rig_for(sensor, None, CAMERAS)
        cameras = list(rig.cameras.values())
        record(perform_movement(13, "22", 1, 0.1), 1, cameras, model)  # compiles
        for movement in ("9", "22", "27"):
            performance = perform_movement(13, movement, 1, SECONDS)
            start = time.process_time()
            recording = record(performance, 1, cameras, model)
            spent = (time.process_time() - start) / SECONDS
            events = sum(map(len, recording.cameras.values())) / len(cameras) / SECONDS / 1000
            print(f"{sensor:12}{movement:>10}{spent:12.2f}{events:28.0f}", flush=True)


if __name__ == "__main__":
    main()
