"""Devices, and the workers on them."""

from xw2v.backend.cpu import TeamRunner
from xw2v.backend.cuda import Cuda, Gpu, find_cuda
from xw2v.backend.devices import CpuDevice, CudaDevice, Device, get_device
from xw2v.backend.profile import Profile
from xw2v.backend.steps import PortableRunner, Runner, Step
from xw2v.backend.team import Team, Worker

__all__ = [
    "CpuDevice",
    "Cuda",
    "CudaDevice",
    "Device",
    "Gpu",
    "PortableRunner",
    "Profile",
    "Runner",
    "Step",
    "Team",
    "TeamRunner",
    "Worker",
    "find_cuda",
    "get_device",
]
