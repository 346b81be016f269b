"""Dataclasses as parameters, and the parameter files that come with the package."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.nodes import params
from hybrid_pose_ros.resources import share_path


@dataclass(frozen=True)
class Inner:
    """Nested.

    Attributes:
        period_ns: length of a step.
    """

    period_ns: int = 10

    def __post_init__(self):
        if self.period_ns < 1:
            raise ValueError(f"period_ns must be >= 1, got {self.period_ns}")


@dataclass(frozen=True)
class Outer:
    """All kinds.

    Attributes:
        name: a name
            over two lines.
        rate_hz: of something.
    """

    name: str = "x"
    rate_hz: float = 30.0
    count: int = 3
    loop: bool = False
    cameras: tuple[str, ...] = ("a", "b")
    extra: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)


@pytest.fixture
def node(bench):
    made = []

    def make(**given):
        overrides = [Parameter(n.replace("__", "."), value=v) for n, v in given.items()]
        made.append(Node("tested", context=bench.context, parameter_overrides=overrides))
        return made[-1]

    yield make
    for one in made:
        one.destroy_node()


def test_defaults(node):
    assert params.load(node(), Outer) == Outer()


def test_given_values_of_every_type(node):
    given = {
        "name": "y", "rate_hz": 1.5, "count": 4, "loop": True, "cameras": ["c"], "extra": ["d"],
        "inner__period_ns": 20,
    }  # fmt: skip
    expected = Outer("y", 1.5, 4, True, ("c",), ("d",), Inner(20))
    assert params.load(node(**given), Outer) == expected


def test_declared_read_only_with_description(node):
    made = node()
    params.load(made, Outer)
    descriptor = made.describe_parameter("name")
    assert descriptor.description == "a name over two lines."
    assert descriptor.read_only
    assert made.describe_parameter("inner.period_ns").description == "length of a step."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate_hz": 30}, "rate_hz must be a number with a decimal point, such as 30.0, got 30"),
        ({"count": "three"}, "count must be a whole number, got 'three'"),
        ({"loop": 1}, "loop must be true or false, got 1"),
        ({"cameras": "cam2"}, "cameras must be a list of strings, got 'cam2'"),
        ({"inner__period_ns": 0}, r"period_ns must be >= 1, got 0 \(parameters inner\.\*\)"),
    ],
)
def test_wrong_value_is_named_with_its_rule(node, given, message):
    with pytest.raises(ConfigError, match=message):
        params.load(node(**given), Outer)


def test_misspelt_parameter_is_refused(node):
    with pytest.raises(ConfigError, match=r"tested has no parameter rate_hertz; it has .*rate_hz"):
        params.load(node(rate_hertz=1.0), Outer)


def test_what_all_nodes_are_given_is_not_refused(node):
    assert params.load(node(weights="w", device="cpu", use_sim_time=False), Outer) == Outer()


@pytest.mark.parametrize(
    ("module", "cls", "name"),
    [
        ("cnn_node", "CnnParams", "cnn_node"),
        ("estimator_params", "EstimatorParams", "snn_node"),
        ("overlay_node", "OverlayParams", "overlay_node"),
        ("fusion_node", "FusionNodeConfig", "fusion_node"),
    ],
)
def test_the_shipped_parameter_file_fits_every_node(module, cls, name):
    import importlib

    import rclpy
    from rclpy.context import Context

    config = share_path("config", "nodes.yaml")
    context = Context()
    rclpy.init(args=["--ros-args", "--params-file", str(config)], context=context)
    node = Node(name, context=context, namespace="/robot")
    try:
        loaded = params.load(
            node, getattr(importlib.import_module(f"hybrid_pose_ros.nodes.{module}"), cls)
        )
        assert loaded.cameras == ("cam2", "cam3")
    finally:
        node.destroy_node()
        rclpy.try_shutdown(context=context)


def test_inherited_fields_are_described_too(bench):
    from hybrid_pose_ros.nodes.cnn_node import CnnParams

    node = Node("tested", context=bench.context)
    params.load(node, CnnParams)
    names = ("threads", "skip_overrun", "timing.bin_ns", "cameras")
    assert all(node.describe_parameter(name).description for name in names)
    node.destroy_node()
