"""Devices and threads."""

from xw2v.backend.cpu import ThreadedRunner
from xw2v.backend.devices import Device, get_device
from xw2v.backend.profile import Profile
from xw2v.backend.steps import PortableRunner, Runner, Step
from xw2v.backend.threads import Team, usable_cores

__all__ = [
    "Device",
    "PortableRunner",
    "Profile",
    "Runner",
    "Step",
    "Team",
    "ThreadedRunner",
    "get_device",
    "usable_cores",
]
