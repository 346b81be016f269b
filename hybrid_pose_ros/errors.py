"""Errors that a user can cause and cure. Each message names the value and the remedy.

The command line prints them without a traceback and exits with status 2; nodes log them as fatal
and exit with status 2.
"""

from __future__ import annotations


class UserError(ValueError):
    """Something outside the program is wrong; the message says what and what to do."""


class CalibrationError(UserError):
    """A rig file or a camera in it is missing, malformed or does not fit the sensor."""


class ConfigError(UserError):
    """A setting is unknown, of the wrong type or out of range."""


class EncodingError(UserError):
    """An event packet has an encoding or a geometry that cannot be decoded."""


class MotionError(UserError):
    """A motion capture file is missing, damaged, or lacks a joint that the body needs."""


class RecordingError(UserError):
    """A recording is missing, damaged, or lacks what was asked of it."""


class WeightsError(UserError):
    """A weights file is missing, damaged, or belongs to another network."""
