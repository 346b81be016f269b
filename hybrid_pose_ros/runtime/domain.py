"""A DDS domain of one's own, so that two graphs on one machine never hear each other."""

from __future__ import annotations

import random
import socket

# Above, the ports could clash with those that Linux gives to outgoing connections.
_HIGHEST = 101


def private_domain() -> dict[str, str]:
    """Environment for processes that talk only to each other, on this machine."""
    return {
        "ROS_DOMAIN_ID": str(free_domain_id()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


def free_domain_id() -> int:
    """A random domain in which no participant of this machine can be found."""
    candidates = list(range(1, _HIGHEST + 1))
    random.SystemRandom().shuffle(candidates)
    return next((domain for domain in candidates if _is_free(domain)), candidates[0])


def _is_free(domain: int) -> bool:
    """Whether the first participant's port of the domain can be bound."""
    port = 7400 + 250 * domain + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
