"""How a file may be packed, in the words of the form."""

from collections.abc import Mapping

from portal.exporters.options import Packing

PACKING_WORDS: Mapping[Packing, str] = {
    Packing.NONE: "Not packed",
    Packing.ZIP: "In a ZIP archive",
    Packing.GZIP: "By gzip",
}
