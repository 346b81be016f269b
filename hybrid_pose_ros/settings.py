"""Records of settings from plain dicts and lists: strictly, so that nothing misspelt is ignored."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from hybrid_pose_ros.errors import ConfigError

T = TypeVar("T")


def unknown_keys(found: Mapping[str, Any], known: list[str], where: str) -> None:
    """Refuse keys that are not known.

    Raises:
        ConfigError: names each with the nearest known one.
    """
    lines = []
    for key in found:
        if key in known:
            continue
        near = difflib.get_close_matches(str(key), known, 1, 0.6)
        lines.append(f"'{key}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
    if lines:
        raise ConfigError(
            f"{where}: unknown settings {', '.join(lines)}; known are {', '.join(sorted(known))}"
        )


def build_record(cls: type[T], values: Any, where: str) -> T:
    """A dataclass from a mapping, its fields' types and their own dataclasses included.

    Args:
        values: from YAML or JSON: lists stand for tuples; missing keys take the defaults.
        where: named in errors.

    Raises:
        ConfigError: a key is unknown or missing, or a value of the wrong type or out of range.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must be a mapping of settings, got {values!r}")
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    unknown_keys(values, [f.name for f in fields], where)
    missing = [
        f.name for f in fields
        if f.name not in values and f.default is f.default_factory is dataclasses.MISSING
    ]  # fmt: skip
    if missing:
        raise ConfigError(f"{where}: {', '.join(missing)} must be given")
    built = {
        name: _convert(hints[name], value, f"{where}: {name}") for name, value in values.items()
    }
    try:
        return cls(**built)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    """A YAML value as the type that a field has."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        return _convert_union(inner, value, where)
    if dataclasses.is_dataclass(hint):
        return build_record(typing.cast(type, hint), value, where)
    if origin is dict and isinstance(value, dict):
        return {str(key): _convert(inner[1], item, where) for key, item in value.items()}
    if origin is tuple and isinstance(value, list | tuple):
        if inner[-1] is not Ellipsis and len(value) != len(inner):
            raise ConfigError(f"{where} must be a list of {len(inner)}, got {value!r}")
        return tuple(_convert(inner[0], item, where) for item in value)
    if hint is float and isinstance(value, str):  # YAML takes 1e-3 for a text
        with contextlib.suppress(ValueError):
            value = float(value)
    accepted = {float: (int, float)}.get(hint, hint) if origin is None else ()
    if isinstance(value, accepted) and (hint is bool or not isinstance(value, bool)):
        if hint is float and not math.isfinite(value):
            raise ConfigError(f"{where} must be a finite number, got {value!r}")
        return float(value) if hint is float else value
    kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    raise ConfigError(f"{where} must be {kind.get(hint, 'a list or mapping')}, got {value!r}")


def _convert_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    options = [choice for choice in choices if choice is not type(None)]
    if value is None and len(options) < len(choices):
        return None
    if len(options) == 1:
        return _convert(options[0], value, where)
    for choice in options:
        try:
            return _convert(choice, value, where)
        except ConfigError:
            continue
    raise ConfigError(f"{where} has the wrong type: {value!r}")
