"""A program that lays out titles which are markup, and prints what each made it look up, open or start.

`python -m tests.exporters.pdf_probe confined|unconfined WATCHED_FOLDER` reads a JSON array of markups from
standard input and prints a JSON array of arrays: the audit events (PEP 578) of each, in order. Hooks can't be
removed, and nothing else should be heard, so it is a process of its own.
"""

import io
import json
import sys
from typing import Any

from markupsafe import Markup
from reportlab.platypus import Spacer
from xhtml2pdf.config.resources import PERMISSIVE_POLICY, ResourceAccessPolicy

from portal.exporters import pdf_document, pdf_shell
from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts
from portal.exporters.pdf_job import PdfColumn, PdfJob
from portal.exporters.pdf_layout import Page

REACHING_OUT = {"socket.getaddrinfo", "socket.connect", "subprocess.Popen", "os.system", "os.exec"}


class Unconfined(ResourceAccessPolicy):
    """What the shell would do without its policy."""

    @classmethod
    def server(cls, *_: Any, **__: Any) -> ResourceAccessPolicy:
        return PERMISSIVE_POLICY


def main(policy: str, watched: str) -> None:
    """Lay each markup out and print what it did."""
    if policy == "unconfined":
        setattr(pdf_document, "ResourceAccessPolicy", Unconfined)  # noqa: B010 - mypy takes it for a constant
    heard: list[str] = []

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in REACHING_OUT or (event == "open" and str(arguments[0]).startswith(watched)):
            heard.append(event)

    markups = json.load(sys.stdin)
    sys.addaudithook(hear)
    events = []
    for markup in markups:
        heard.clear()
        lay_out(f"</title>{markup}<title>")
        events.append(list(heard))
    print(json.dumps(events))


def lay_out(title: str) -> None:
    """Build a document whose title is taken for safe markup, as if a template had forgotten to escape it."""
    job = PdfJob(Markup(title), "Acme", [], [PdfColumn("A", False, True)], 2**30, 60)  # noqa: S704 - that is the point
    shell = pdf_shell.Shell(job, Page("A4", 842, 595, [770]), Fonts(REGULAR), Fonts(BOLD))
    shell.build(Spacer(1, 1), io.BytesIO())


if __name__ == "__main__":
    main(*sys.argv[1:])
