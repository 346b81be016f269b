"""Live cameras, or a bag, to 3D skeletons.

    ros2 launch hybrid_pose_ros hybrid_pose.launch.py cameras:=cam2,cam3
    ros2 launch hybrid_pose_ros hybrid_pose.launch.py sim:=true
    ros2 launch hybrid_pose_ros hybrid_pose.launch.py bag:=/path/to/recording rviz:=true

Everything that is not an argument here is a parameter; they live in config/nodes.yaml.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

PACKAGE = "hybrid_pose_ros"
NODES = ("cnn_node", "snn_node", "fusion_node", "overlay_node")
# With the slash the nodes' full names are known here, so that launch hands parameters over under
# them: those win over any section of the parameter file, which "/**" would not.
NAMESPACE = PythonExpression(["'/' + '", LaunchConfiguration("namespace"), "'.strip('/')"])


def shared(*parts: str) -> PathJoinSubstitution:
    """Path of one of this package's installed files."""
    return PathJoinSubstitution([FindPackageShare(PACKAGE), *parts])


def overrides(context: LaunchContext) -> dict:
    """Parameters given on the command line; an empty one stays as the parameter file has it."""
    names = ("cameras", "rig", "weights", "device", "keyframes")
    given = {name: LaunchConfiguration(name).perform(context) for name in names}
    given["timing.keyframes"] = given.pop("keyframes")
    parameters = {name: value for name, value in given.items() if value}
    if "cameras" in parameters:
        cameras = parameters["cameras"].strip("[] ").split(",")
        parameters["cameras"] = [camera.strip(" '\"") for camera in cameras]
    return {**parameters, "use_sim_time": LaunchConfiguration("use_sim_time")}


def process(name: str, *parameters: object) -> Node:
    """One node of this package, as a process of its own."""
    return Node(
        package=PACKAGE,
        executable=name,
        name=name,
        namespace=NAMESPACE,
        parameters=list(parameters),
        output="screen",
    )


def nodes(context: LaunchContext) -> list:
    """All nodes share the parameters; each takes those that it knows."""
    common = [LaunchConfiguration("config"), overrides(context)]
    actions = [process(name, *common) for name in NODES]
    if LaunchConfiguration("sim").perform(context).lower() in ("true", "1"):
        actions.append(process("sim_node", *common))
    bag = LaunchConfiguration("bag").perform(context)
    if bag:  # wait for the two nodes that read events, and for the one at the end
        ready = {"subscribers": 2, "publishers": ["skeleton"]}
        actions.append(process("replay_node", *common, {"bag": bag, **ready}))
    return actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="before all topics"),
            DeclareLaunchArgument(
                "cameras",
                default_value="",
                description="names such as cam2,cam3: their events come on <name>/events",
            ),
            DeclareLaunchArgument(
                "config",
                default_value=shared("config", "nodes.yaml"),
                description="parameter file of the nodes",
            ),
            DeclareLaunchArgument("rig", default_value="", description="calibration file"),
            DeclareLaunchArgument("weights", default_value="", description=".safetensors file"),
            DeclareLaunchArgument(
                "device",
                default_value="",
                choices=["", "auto", "cpu", "cuda"],
                description="where the networks run",
            ),
            DeclareLaunchArgument(
                "keyframes",
                default_value="",
                choices=["", "fixed", "on_demand"],
                description="of the CNN: ten a second, or when the pose has drifted",
            ),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="use /clock"),
            DeclareLaunchArgument("rviz", default_value="false", description="open RViz too"),
            DeclareLaunchArgument(
                "bag", default_value="", description="recording to play; empty for live cameras"
            ),
            DeclareLaunchArgument(
                "sim", default_value="false", description="simulated cameras and person, live"
            ),
            OpaqueFunction(function=nodes),
            Node(
                package="rviz2",
                executable="rviz2",
                name="rviz",
                namespace=NAMESPACE,
                arguments=["-d", shared("config", "hybrid_pose.rviz")],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )
