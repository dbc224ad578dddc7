"""What the benchmarks of files share: figures of one round, medians of several, a line for each pair."""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

RESULTS = Path(__file__).parents[1] / "results.jsonl"
SHOWN = ("ours_cpu", "peer_cpu", "ratio", "ours_rss", "peer_rss", "ours_bytes", "peer_bytes")


@dataclass(frozen=True)
class Measured:
    """One round, or medians: seconds of CPU, peak RSS in MB, bytes of the file.

    Both count the process that writes and those it started and waited for.
    """

    cpu: float
    rss: float
    bytes: float


def measured(work: Callable[[], object], path: Path, making: float = 0) -> Measured:
    """Write the file in this process; `making` seconds of CPU are not the writer's."""
    started = cpu_seconds()
    work()
    return Measured(cpu_seconds() - started - making, peak_memory(), path.stat().st_size)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those it waited for."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + ended.ru_utime + ended.ru_stime


def seconds_to_make(rows: Iterable[Any]) -> float:
    """Return the CPU seconds it takes to go through rows that are made on the way."""
    started = process_time()
    for _ in rows:
        pass
    return process_time() - started


def peak_memory() -> float:
    """Return the most memory this process had and the most that one it waited for had, added up, in MB.

    `ru_maxrss` of this process would count its parent's; a child's is never below ours when it was started.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def parser(doc: str | None, writers: Iterable[str]) -> argparse.ArgumentParser:
    """Return the arguments that every script has, described by the first line of `doc`.

    `--child` and `--file` are for `run_child` alone.
    """
    found = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    found.add_argument("--rounds", type=int, default=3)
    found.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    found.add_argument("--child", choices=tuple(writers), help=argparse.SUPPRESS)
    found.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return found


def run_child(script: str, writer: str, path: Path, *more: str) -> Measured:
    """Let a writer measure itself in a process of its own: `script --child writer --file path …`."""
    command = [sys.executable, script, "--child", writer, "--file", str(path), *more]
    return Measured(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def medians(
    paths: Mapping[str, Path],
    rounds: int,
    run: Callable[[str, Path], Measured],
    verify: Callable[[str, Path], None],
) -> dict[str, Measured]:
    """Run each writer in turn, so many rounds; verify each file; return each writer's medians."""
    found: dict[str, list[Measured]] = {writer: [] for writer in paths}
    for _ in range(rounds):
        for writer, path in paths.items():
            path.unlink(missing_ok=True)  # what is verified is this round's
            found[writer].append(run(writer, path))
            verify(writer, path)
    return {
        writer: Measured(*(median(getattr(one, field) for one in ones) for field in ("cpu", "rss", "bytes")))
        for writer, ones in found.items()
    }


def pair(name: str, ours: Measured, peer: Measured) -> dict[str, Any]:
    """Return a line: both ones' figures, and the peer's CPU by ours."""
    return {
        "name": name,
        **{f"ours_{field}": round(value, 3) for field, value in asdict(ours).items()},
        **{f"peer_{field}": round(value, 3) for field, value in asdict(peer).items()},
        "ratio": round(peer.cpu / ours.cpu, 2),
    }


def print_header(width: int, columns: Sequence[str] = SHOWN) -> None:
    print(f"{'name':<{width}}", *(f"{column:>11}" for column in columns), " (s, MB, bytes)")


def print_line(
    line: Mapping[str, Any], width: int, columns: Sequence[str] = SHOWN, *, recorded: bool
) -> None:
    """Print a line; add it to the results, too, if it is to be `recorded`."""
    print(f"{line['name']:<{width}}", *(f"{line[column]:>11}" for column in columns), flush=True)
    if recorded:
        record(line)


def record(line: Mapping[str, Any]) -> None:
    """Add a line to results.jsonl, with the time."""
    with RESULTS.open("a") as out:
        out.write(json.dumps({"at": datetime.now(UTC).isoformat(), **line}) + "\n")
