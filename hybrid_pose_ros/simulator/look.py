"""The version of the simulated world, for whoever keeps recordings of it and reads them again.

It is raised whenever the same arguments give other joints, pictures or events: people, movements,
rendering, the sensor's defaults, seeds. A version of the package that leaves all of that alone
leaves it alone too, so that nobody's recordings are made again for nothing;
test_simulator_look.py notices what has changed.
"""

from __future__ import annotations

LOOK = 3
