"""Training settings from YAML, in which a key may be given once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.settings import build_record
from hybrid_pose_ros.train.config import TrainConfig


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that is given twice; plain YAML takes the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(twice)} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def load_train_config(path: Path) -> TrainConfig:
    """Read a YAML file whose keys are those of TrainConfig.

    Raises:
        ConfigError: the file is missing or not YAML, or a key is unknown or a value wrong.
    """
    try:
        values = yaml.load(Path(path).read_text(), _OnceLoader) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read training settings {path}: {error}") from error
    return build_config(values, str(path))


def build_config(values: Any, where: str) -> TrainConfig:
    """Settings from plain dicts and lists; `where` is named in errors.

    Raises:
        ConfigError: a key is unknown or a value wrong.
    """
    return build_record(TrainConfig, values, where)
