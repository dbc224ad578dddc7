"""Nothing that a document says makes its PDF fetch, read or execute anything (A10)."""

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from portal.exporters.as_pdf import PdfExporter
from portal.exporters.base import Document
from portal.table import Column, ColumnType
from tests.exporters.shared import DOCUMENT, export

SECRET = "what-only-the-server-may-read"


class Listener:
    """A port on this machine that counts who connects."""

    def __init__(self) -> None:
        self.callers = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(9) == b"the end\r\n":
                    return
                self.callers += 1

    def close(self) -> None:
        """Let everybody who has connected be counted, then end."""
        if self._thread.is_alive():
            with socket.create_connection(self._socket.getsockname()) as last:
                last.sendall(b"the end\r\n")
            self._thread.join()
            self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


MARKUP = [
    '<img src="{url}/a.png">',
    '<img src="file://{file}"><object data="{file}"></object>',
    '</td></tr></table><link rel="stylesheet" href="{url}/b.css"><link rel="stylesheet" href="{file}">',
    "</h1><style>@page {{ background-image: url({url}/c.png) }} @import url({url}/d.css);</style>",
    '"></span><pdf:include src="{file}"></pdf:include><pdf:font name="x" src="{url}/e.ttf">',
    "</span><style>@font-face {{ font-family: NotoSans; src: url({url}/f.ttf) }}</style>",
    '<table><tr><td colspan="10000000" rowspan="10000000">x</td></tr></table>',
    "{{{{ cycler.__init__.__globals__ }}}}{{% include '{file}' %}}",
    '<svg><image href="{url}/g.png"/></svg><iframe src="{url}/h"></iframe>',
]


@pytest.mark.parametrize("markup", MARKUP)
def test_it_fetches_and_reads_nothing_that_its_text_names(
    markup: str, listener: Listener, tmp_path: Path
) -> None:
    file = tmp_path / "secret.txt"
    file.write_text(SECRET)
    text = markup.format(url=listener.url, file=file)
    document = Document(f"{text}1", f"{text}2", DOCUMENT.generated_at, facts=((f"{text}3", f"{text}4"),))
    columns = [Column("x", f"{text}5"), Column("n", f"{text}6", ColumnType.INTEGER)]
    data, written = export(PdfExporter(), columns, [[f"{text}7", f"{text}8"]], document)
    listener.close()
    assert listener.callers == 0
    reader = PdfReader(io.BytesIO(data))
    # pypdf reads in the order of drawing, so that the lines of cells side by side stay apart.
    shown = "".join("".join(page.extract_text() for page in reader.pages).split())
    for place in range(1, 9):
        assert "".join(f"{text}{place}".split()) in shown
    assert SECRET.encode() not in data
    assert SECRET not in shown
    assert all("/Annots" not in page and not list(page.images) for page in reader.pages)
    assert not {"/OpenAction", "/AA", "/Names"} & set(reader.root_object)
    assert written.rows == 1


def test_the_listener_sees_who_connects(listener: Listener) -> None:
    with socket.create_connection(listener._socket.getsockname()) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
    listener.close()
    assert listener.callers == 1


def test_its_process_loads_no_module_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)

    data, _ = export(PdfExporter(), [Column("x", "X")], [["text"]])

    assert data.startswith(b"%PDF-")


# Systems often begin with a soft limit of none; whoever debugs one raises it to the hard one.
CORE_LIMITS = """
import io, resource
from portal.exporters.pdf_child import make
from portal.exporters.pdf_job import PdfColumn, PdfEnd, PdfJob
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
job = PdfJob("Title", "Acme", [], [PdfColumn("A", False, True)], 2**30, 60)
make(io.BytesIO(job.to_line() + PdfEnd([]).to_line()), io.BytesIO())
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_its_process_leaves_no_image_of_its_memory_behind() -> None:
    done = subprocess.run([sys.executable, "-c", CORE_LIMITS], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0)\n"
