import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from portal.exporters.pdf_job import OS_ERROR, PdfColumn, PdfEnd, PdfJob
from portal.exporters.pdf_process import START, TABLE

JOB = PdfJob("Title", "Acme", [("Period", "May")], [PdfColumn("A", False, True)], 2**30, 60)


def run(stdin: bytes, parent: int | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", START, str(os.getpid() if parent is None else parent), TABLE]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def last_words(done: subprocess.CompletedProcess[bytes]) -> dict[str, object]:
    words: dict[str, object] = orjson.loads(done.stderr.splitlines()[-1])
    return words


def test_it_writes_the_pdf_and_its_notes() -> None:
    done = run(JOB.to_line() + b'["one"]\n' + PdfEnd([]).to_line())
    assert done.returncode == 0
    assert done.stdout.startswith(b"%PDF-")
    assert done.stdout.rstrip().endswith(b"%%EOF")
    assert last_words(done) == {"notes": []}


def test_it_never_takes_rows_that_broke_off_for_all_rows() -> None:
    done = run(JOB.to_line() + b'["one"]\n')
    assert done.returncode == 1
    assert done.stdout == b""
    assert last_words(done) == {"error": "render", "message": "The rows of the PDF broke off."}


def test_it_reports_what_it_did_not_expect() -> None:
    done = run(JOB.to_line() + b"not json\n")
    assert done.returncode == 1
    assert last_words(done)["error"] == "render"
    assert "JSONDecodeError" in str(last_words(done)["message"])


def test_it_looks_for_garbage_again_once_it_is_imported() -> None:
    program = (
        "import gc, sys\n"
        "gc.disable()\n"
        "from portal.exporters.pdf_program import main\n"
        "sys.exit(main(lambda lines, out: ('collects',) if gc.isenabled() else ()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(os.getpid())], capture_output=True, check=True, input=b""
    )
    assert last_words(done) == {"notes": ["collects"]}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_it_says_that_the_disk_is_full_where_not_a_word_can_be_written() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", START, str(os.getpid()), TABLE]
        lines = JOB.to_line() + b'["one"]\n' + PdfEnd([]).to_line()
        done = subprocess.run(command, input=lines, stdout=full, stderr=full, check=False)
    assert done.returncode == OS_ERROR + errno.ENOSPC


def test_it_ends_at_once_when_its_parent_is_another() -> None:
    done = run(JOB.to_line() + PdfEnd([]).to_line(), parent=1)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"is gone" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_it_dies_with_its_parent() -> None:
    # A middle process starts the child, says its pid once the child reads, and is killed.
    middle = (
        "import os, subprocess, sys, time\n"
        f"command = [sys.executable, '-m', '{START}', str(os.getpid()), '{TABLE}']\n"
        "p = subprocess.Popen(command, stdin=subprocess.PIPE)\n"
        f"p.stdin.write({JOB.to_line()!r} + b'[\"' + b'x' * 200_000 + b'\"]\\n'); p.stdin.flush()\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    # The write end of the child's pipe is kept open here, so only the signal can end it.
    with subprocess.Popen([sys.executable, "-c", middle], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        keep_open = os.open(f"/proc/{parent.pid}/fd/{_pipe_to(parent.pid, child)}", os.O_WRONLY)
        try:
            parent.kill()
            parent.wait()
            assert _gone_within(child, seconds=10)
        finally:
            os.close(keep_open)


def _pipe_to(parent: int, child: int) -> str:
    """Return the descriptor of `parent` that leads to the standard input of `child`."""
    target = Path(f"/proc/{child}/fd/0").readlink()
    links = Path(f"/proc/{parent}/fd").iterdir()
    return next(link.name for link in links if link.readlink() == target)


def _gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


# The peak that the kernel reports of an ended process includes its parent's from before exec; VmHWM does not.
MEASURED = """
import sys
from portal.exporters.pdf_child import make
with open(sys.argv[1], "rb") as lines, open(sys.argv[2], "wb") as out:
    make(lines, out)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_it_holds_one_page_of_rows(tmp_path: Path) -> None:
    def peak(count: int) -> float:
        """Return the most megabytes that making so many rows held."""
        columns = [PdfColumn(f"Label {i}", False, True) for i in range(7)]
        source = tmp_path / "rows"
        with source.open("wb") as out:
            out.write(replace(JOB, columns=columns).to_line())
            for row in range(count):
                out.write(orjson.dumps([f"{row} {column} words" for column in range(7)]) + b"\n")
            out.write(PdfEnd([]).to_line())
        command = [sys.executable, "-c", MEASURED, str(source), str(tmp_path / "out.pdf")]
        return int(subprocess.run(command, capture_output=True, check=True).stdout) / 1024

    # Packed pages and the widths of words stay, 7 MB; the rows as objects would be 4 MB more.
    assert peak(6000) - peak(100) < 9
