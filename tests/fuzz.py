"""A long search for files that upset a reader, guided by what code they reach.

    python -m tests.fuzz --seconds 300 [TARGET ...]

It needs atheris (``pip install atheris``) beside what the tests need; it is none of the project's
extras. The targets are those of `tests.targets`, each run in a process of its own. Inputs that
upset a reader, which raised something else than an error of xw2v, took long, filled the memory or
ended the process, are kept in the folder that is named at the end.
"""

import argparse
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run the targets one after the other; return 1 if one of them was upset."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--seconds", type=float, default=300, help="for all targets together [default: 300]"
    )
    parser.add_argument("--list", action="store_true", help="show the targets")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="beginnings of their names")
    options = parser.parse_args()
    if options.only:
        run_one(options.only, Path(options.folder), options.seconds)
    from tests.targets import TEXTS, VECTORS

    names = [*VECTORS, *TEXTS]
    if options.targets:
        names = [name for name in names if name.startswith(tuple(options.targets))]
    if not names:
        parser.error(f"no target begins with {' or '.join(options.targets)}; see --list")
    if options.list:
        print("\n".join(names))
        return 0
    if importlib.util.find_spec("atheris") is None:
        parser.error("this needs atheris: pip install atheris")
    found = Path(tempfile.mkdtemp(prefix="xw2v-fuzz-"))
    upset = [name for name in names if not run(name, found, options.seconds / len(names))]
    if upset:
        print(f"{len(upset)} of {len(names)} targets upset: {found}")
    else:
        shutil.rmtree(found)
        print("nothing found")
    return bool(upset)


def run(name: str, found: Path, seconds: float) -> bool:
    """Run a target in a process of its own; say how that went, and return whether well."""
    folder = found / name.replace("/", "-")
    folder.mkdir()
    command = [sys.executable, "-m", "tests.fuzz", "--only", name, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)], capture_output=True, text=True, check=False
    )
    figures = dict(re.findall(r"^stat::(\w+): +(\d+)", done.stderr, re.MULTILINE))
    runs = int(figures.get("number_of_executed_units", 0))
    speed = int(figures.get("average_exec_per_sec", 0))
    peak = int(figures.get("peak_rss_mb", 0))
    print(f"{name:28} {runs:9,} runs {speed:6,}/s {peak:5,} MB", end="  ", flush=True)
    well = done.returncode == 0 and runs > 0
    if well:
        print("well")
    else:
        (folder / "output.txt").write_text(done.stderr)
        error = re.findall(r"Uncaught Python exception: ===\n(.*)", done.stderr)
        print(error[0][:200] if error else f"ended with {done.returncode}, see output.txt")
    return well


def run_one(name: str, folder: Path, seconds: float) -> None:
    """Run a target in this process, which ends with it."""
    atheris = importlib.import_module("atheris")
    # What is imported here tells which of its lines are reached.
    with atheris.instrument_imports(include=["xw2v"]):
        from tests.targets import TEXTS, VECTORS
    target = {**VECTORS, **TEXTS}[name]
    inputs = folder / "inputs"
    inputs.mkdir()
    with tempfile.TemporaryDirectory() as work:
        sample = target.sample(Path(work))
        (inputs / "sample").write_bytes(sample)
        atheris.Setup(
            [
                *("tests.fuzz", str(inputs), f"-artifact_prefix={folder}/"),
                *(f"-max_total_time={max(1, int(seconds))}", f"-max_len={4 * len(sample) + 4096}"),
                *("-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", "-seed=1"),
            ],
            lambda data: target.try_to_read(Path(work), data),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
