"""`pip install .` for the core without ROS: training, simulation, offline inference, viewing.

The nodes come with the ROS build (CMakeLists.txt); both install the same Python package.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

NAME = "hybrid_pose_ros"
SHARED = ("config", "launch", "msg", "recordings", "weights")


class PlainLibrary(build_ext):
    """Builds a shared library for ctypes: no Python version in its name, no init function."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".so"

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return list(ext.export_symbols)


def data_files() -> list[tuple[str, list[str]]]:
    """The files of the share folder, laid out as CMake installs them."""
    folders: dict[str, list[str]] = {}
    for top in SHARED:
        for path in sorted(Path(top).rglob("*")):
            if path.is_file():
                folders.setdefault(f"share/{NAME}/{path.parent}", []).append(str(path))
    return list(folders.items())


setup(
    name=NAME,
    version="0.1.0",
    description="Human pose from event cameras with a hybrid CNN-SNN network",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=data_files(),
    install_requires=[
        "av",
        "backports-zstd; python_version < '3.14'",
        "h5py",
        "lightning",
        "lz4",
        "matplotlib",
        "numba",
        "numpy",
        "opencv-python-headless",
        "psutil",
        "pyyaml",
        "rosbags",
        "safetensors",
        "scipy",
        "spikingjelly==2.0.0",
        "torch==2.13.0",
        "torchaudio==2.11.0",
        "torchvision==0.28.0",
        "tqdm",
    ],
    extras_require={"openvino": ["openvino"]},  # a faster keyframe on CPUs
    ext_modules=[
        Extension(
            f"{NAME}.native.libspiking_engine",
            sources=sorted(str(path) for path in Path("src").glob("*.cpp")),
            depends=sorted(str(path) for path in Path("src").glob("*.hpp")),
            # As in CMakeLists.txt.
            extra_compile_args=[
                "-O3",
                "-std=c++17",
                "-fno-trapping-math",
                "-fvisibility=hidden",
                "-pthread",
            ],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,  # without a compiler the package runs on PyTorch
        )
    ],
    cmdclass={"build_ext": PlainLibrary},
    entry_points={"console_scripts": ["hybrid_pose = hybrid_pose_ros.cli.main:main"]},
    zip_safe=False,
)
