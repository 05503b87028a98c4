"""`xw2v info --devices`: what can be trained and searched on."""

from typing import Any

import click
import numpy as np

from xw2v.backend import Cuda, find_cuda
from xw2v.cli.output import count, print_json, print_table
from xw2v.cores import usable_cores
from xw2v.errors import DeviceError

__all__ = ["print_devices"]

_GIB = 1 << 30


def print_devices(as_json: bool) -> None:
    """Print the devices that can be used, and why there is no GPU among them if there is none."""
    cuda: Cuda | None = None
    trouble = None
    try:
        cuda = find_cuda()
    except DeviceError as error:
        trouble = str(error)
    gpus = [] if cuda is None else cuda.gpus()
    cores = usable_cores()
    if as_json:
        devices: list[dict[str, Any]] = [{"device": "cpu", "cores": cores, "numpy": np.__version__}]
        for gpu in gpus:
            known = {"memory": gpu.memory, "free": gpu.free} if gpu.memory else {}
            devices.append({"device": f"cuda:{gpu.number}", "name": gpu.name, **known})
        versions = cuda and {"cupy": cuda.version, "runtime": cuda.runtime, "driver": cuda.driver}
        print_json({"devices": devices, "cuda": versions, "why_no_cuda": trouble})
        return
    rows: list[tuple[str, ...]] = [
        ("cpu", f"{count(cores, 'core')}, NumPy {np.__version__}", "", "")
    ]
    for gpu in gpus:
        sizes = [f"{size / _GIB:,.1f} GiB" if gpu.memory else "" for size in (gpu.memory, gpu.free)]
        rows.append((f"cuda:{gpu.number}", gpu.name, *sizes))
    print_table(("device", "", ">memory", ">free") if gpus else ("device", "", "", ""), rows)
    if cuda is None:
        click.echo(f"\n{trouble}")
    else:
        made_for = f"CuPy {cuda.version}, made for CUDA {cuda.runtime}"
        click.echo(f"\n{made_for}; the driver has CUDA {cuda.driver}")
