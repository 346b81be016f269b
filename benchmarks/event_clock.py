"""How well sensor time is mapped to ROS time: errors against the truth of simulated packets.

usage: python benchmarks/event_clock.py

200 packets a second for three minutes; delays of the host, and drift of the sensor's clock, as the
table says. Errors are those of the ROS time of each packet's end, over the least possible delay.
"""

from __future__ import annotations

import time

import numpy as np

from hybrid_pose_ros.events.clock import SensorClock

MS = 1_000_000
EPOCH_NS = 1_700_000_000_000_000_000
PACKETS = 200 * 180
SETTLED = 200 * 10


def delays_ns(t_ns: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Delays after which the host stamps the packets of these times."""
    count = len(t_ns)
    busy = (t_ns > 60e9) & (t_ns < 80e9)
    return {
        "exponential, mean 1 ms": rng.exponential(MS, count),
        "uniform, 0 to 4 ms": rng.uniform(0, 4 * MS, count),
        "gamma (2), mean 2 ms": rng.gamma(2, MS, count),
        "lognormal, median 1 ms, p99 16 ms": np.exp(rng.normal(0, 1.2, count)) * MS,
        "exponential, 20 s of 3 ms more": rng.exponential(MS, count) + busy * 3 * MS,
    }


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    t_ns = np.arange(PACKETS) * 5 * MS
    print(
        "| delay of the host | drift, ppm | first 10 s, p50 / p99 | later, p50 / p99 | found, ppm |"
    )
    print("|---|---|---|---|---|")
    for name, delay_ns in delays_ns(t_ns, rng).items():
        for ppm in (0, 50, -100):
            truth_ns = t_ns + t_ns * ppm // 1_000_000
            stamps = (EPOCH_NS + truth_ns + delay_ns.astype(np.int64)).tolist()
            clock, mapped = SensorClock(), []
            for t, stamp in zip(t_ns.tolist(), stamps, strict=True):
                clock.update(stamp, t)
                mapped.append(clock.to_ros(t) - EPOCH_NS)
            errors_us = np.abs(np.array(mapped) - truth_ns) / 1000
            cells = [
                " / ".join(f"{p:.1f}" for p in np.percentile(part, [50, 99]))
                for part in (errors_us[:SETTLED], errors_us[SETTLED:])
            ]
            drift = clock.drift * 1e6
            print(f"| {name} | {ppm} | {cells[0]} us | {cells[1]} us | {drift:.2f} |", flush=True)
    began = time.perf_counter()
    clock = SensorClock()
    for t, stamp in zip(t_ns.tolist(), stamps, strict=True):
        clock.update(stamp, t)
    print(f"\n{(time.perf_counter() - began) / PACKETS * 1e6:.1f} us per packet")


if __name__ == "__main__":
    main()
