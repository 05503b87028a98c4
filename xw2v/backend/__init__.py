"""Devices, and the workers on them."""

from xw2v.backend.cpu import TeamRunner
from xw2v.backend.devices import Device, get_device
from xw2v.backend.profile import Profile
from xw2v.backend.steps import PortableRunner, Runner, Step
from xw2v.backend.team import Team, Worker

__all__ = [
    "Device",
    "PortableRunner",
    "Profile",
    "Runner",
    "Step",
    "Team",
    "TeamRunner",
    "Worker",
    "get_device",
]
