"""Pictures as sensor_msgs/Image: through cv_bridge where it is installed, by numpy elsewhere."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

try:
    from cv_bridge import CvBridge
except ImportError:
    CvBridge = None


def to_image_msg(image: np.ndarray, header: Header) -> Image:
    """A (height, width, 3) uint8 BGR picture as a message with encoding bgr8."""
    if CvBridge is not None:
        return CvBridge().cv2_to_imgmsg(image, encoding="bgr8", header=header)
    height, width, channels = image.shape
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=width * channels,
        data=array.array("B", np.ascontiguousarray(image).tobytes()),
    )
