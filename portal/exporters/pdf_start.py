"""Starts a PDF program sooner: `python -m portal.exporters.pdf_start PARENT_PID MODULE`.

More than half of the CPU of a short PDF goes into imports, and a seventh of that into looking for garbage
among modules and classes, of which none ever is. So nobody looks before they are all there.
"""

import gc
import runpy
import sys

if __name__ == "__main__":
    gc.disable()
    runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)
