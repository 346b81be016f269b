"""A frozen dataclass as the parameters of a node: declared with types and descriptions, read once.

The same dataclass serves tests and the command line, so that a setting has one name, one default
and one rule.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any, TypeVar, get_type_hints

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from hybrid_pose_ros.errors import ConfigError

T = TypeVar("T")

_TYPES: dict[Any, Parameter.Type] = {
    str: Parameter.Type.STRING,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    bool: Parameter.Type.BOOL,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
_NAMES = {
    Parameter.Type.STRING: "a string",
    Parameter.Type.INTEGER: "a whole number",
    Parameter.Type.DOUBLE: "a number with a decimal point, such as 30.0",
    Parameter.Type.BOOL: "true or false",
    Parameter.Type.STRING_ARRAY: "a list of strings",
}
# Given to all nodes at once by the bring-up; a node that has no use for one ignores it.
_COMMON = {"cameras", "rig", "weights", "device", "timing.keyframes"}
# Declared by rclpy itself.
_FOREIGN = re.compile(r"use_sim_time|start_type_description_service|qos_overrides\..*")


def load(node: Node, cls: type[T]) -> T:
    """Declare the fields of `cls` as read-only parameters of `node` and return their values.

    A field that is itself a dataclass becomes a dotted prefix. Descriptions come from the
    "Attributes:" section of the docstrings. A node calls it once, before anything that takes time.

    Raises:
        ConfigError: a parameter is of the wrong type, refused by `cls`, or not known.
    """
    values = _read(node, cls, "")
    _refuse_unknown(node)
    return values


def _refuse_unknown(node: Node) -> None:
    """A misspelt name must not be ignored in silence."""
    declared = node.get_parameters_by_prefix("")
    given = _overrides(node)
    known = {*declared, *_COMMON}
    unknown = sorted(n for n in given if n not in known and not _FOREIGN.fullmatch(n))
    if unknown:
        mine = ", ".join(sorted(n for n in declared if not _FOREIGN.fullmatch(n)))
        raise ConfigError(f"{node.get_name()} has no parameter {', '.join(unknown)}; it has {mine}")


def _overrides(node: Node) -> dict[str, Parameter]:
    return getattr(node, "_parameter_overrides", {})  # rclpy has no public way to see them


def _read(node: Node, cls: type[T], prefix: str) -> T:
    described = _descriptions(cls)
    values: dict[str, Any] = {}
    for field, kind in _fields(cls):
        name = prefix + field.name
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            values[field.name] = _read(node, kind, name + ".")
        else:
            default = _default(field)
            values[field.name] = _declare(node, name, kind, default, described.get(field.name, ""))
    try:
        return cls(**values)
    except ValueError as error:  # includes ConfigError
        where = f" (parameters {prefix}*)" if prefix else ""
        raise ConfigError(f"{error}{where}") from error


def _declare(node: Node, name: str, kind: Any, default: Any, text: str) -> Any:
    ros_type = _TYPES[kind]
    descriptor = ParameterDescriptor(description=text, read_only=True, type=ros_type.value)
    ros_default = list(default) if isinstance(default, tuple) else default
    if ros_default == []:
        ros_default = ros_type  # an empty list has no type of its own
    try:
        value = node.declare_parameter(name, ros_default, descriptor).value
    except InvalidParameterTypeException:
        given = _overrides(node)[name].value
        raise ConfigError(f"{name} must be {_NAMES[ros_type]}, got {given!r}") from None
    return tuple(value or ()) if ros_type is Parameter.Type.STRING_ARRAY else value


def _fields(cls: Any) -> list[tuple[dataclasses.Field, Any]]:
    hints = get_type_hints(cls)
    return [(field, hints[field.name]) for field in dataclasses.fields(cls)]


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _descriptions(cls: type) -> dict[str, str]:
    """Field -> text from the "Attributes:" sections of the docstrings of a class and its bases."""
    docs = [inspect.cleandoc(base.__doc__ or "") for base in reversed(cls.__mro__)]
    sections = "\n".join(doc.partition("Attributes:\n")[2] for doc in docs)
    entries = re.findall(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", sections, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}
