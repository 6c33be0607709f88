"""Which frames of a video the network sees: enough of every piece of ground, not every frame.

`GroundSampler` decides by the ground that the camera shows, `MotionSampler` by how the picture moves where nobody knows
the pose. Both ask for a look when some ground would otherwise leave the picture having been seen too rarely.
"""

from vision.sampling.decision import Decision, Reason, SamplingStats
from vision.sampling.frame_choice import FrameChoice
from vision.sampling.ground_sampler import GroundSampler
from vision.sampling.motion_sampler import MotionSampler
from vision.sampling.pace import Pace
from vision.sampling.view import GroundView

__all__ = ["Decision", "FrameChoice", "GroundSampler", "GroundView", "MotionSampler", "Pace", "Reason", "SamplingStats"]
