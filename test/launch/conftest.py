"""Launch tests hear nobody but themselves."""

from __future__ import annotations

import os
import random

import pytest


@pytest.fixture(scope="session", autouse=True)
def private_domain():
    """A ROS domain of this test run, unless whoever runs the tests chose one."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 101)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
