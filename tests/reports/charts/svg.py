"""Reads a drawn chart: its texts with their boxes, its bars, and what must hold for any drawing."""

from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree as ET

from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts, cjk_font
from portal.reports.charts.drawing import Picture
from portal.reports.charts.widths import text_width

SVG = "{http://www.w3.org/2000/svg}"
_PRINT = [Fonts(REGULAR, cjk_font()), Fonts(BOLD, cjk_font())]


@dataclass(frozen=True)
class Box:
    """A rectangle in units of the drawing, with what is written in it."""

    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def touches(self, other: "Box") -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


class Drawn:
    """A picture, parsed."""

    def __init__(self, picture: Picture) -> None:
        self.root = ET.fromstring(picture.svg)  # noqa: S314 - it is our own
        self.width, self.height = map(float, self.root.attrib["viewBox"].split()[2:])
        self.boxes = [_box(element) for element in self.root.iter(f"{SVG}text")]
        self.texts = [box.text for box in self.boxes]

    @property
    def title(self) -> str:
        return self.root.findtext(f"{SVG}title", "")

    @property
    def words(self) -> str:
        return self.root.findtext(f"{SVG}desc", "")

    @property
    def titles(self) -> list[str]:
        return [str(element.text) for element in self.root.iter(f"{SVG}title")][1:]

    def rects(self, colour: str) -> list[Box]:
        """Return the rectangles of a page's chart in a colour: `series-1`."""
        found = (
            rect.attrib for rect in self.root.iter(f"{SVG}rect") if rect.get("class") == f"fill-{colour}"
        )
        return [_rect(rect) for rect in found]

    def paths(self, colour: str) -> list[str]:
        """Return the paths of a page's chart drawn along in a colour."""
        return [
            path.attrib["d"]
            for path in self.root.iter(f"{SVG}path")
            if path.get("class") == f"stroke-{colour}"
        ]

    def box_of(self, text: str) -> Box:
        return next(box for box in self.boxes if box.text == text)

    def assert_sound(self) -> None:
        """Nothing lies outside the drawing, and no two texts touch."""
        rects = [_rect(rect.attrib) for rect in self.root.iter(f"{SVG}rect")]
        for box in [*self.boxes, *rects]:
            assert box.left >= -0.1, box
            assert box.top >= -0.1, box
            assert box.right <= self.width + 0.1, box
            assert box.bottom <= self.height + 0.1, box
        for one, other in combinations(self.boxes, 2):
            assert not one.touches(other), (one, other)
        assert self.root.get("role") == "img"
        assert self.title
        assert self.words.endswith(".")


def _rect(attributes: dict[str, str]) -> Box:
    x, y, width, height = (float(attributes[name]) for name in ("x", "y", "width", "height"))
    return Box(x, y, x + width, y + height)


def _box(element: ET.Element) -> Box:
    text, size = str(element.text), float(element.attrib["font-size"])
    if family := element.get("font-family"):
        fonts = _PRINT["Bold" in family]
        width = fonts.width(text, size)
    else:
        width = text_width(text, size, bold=element.get("font-weight") == "600")
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    x -= width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")]
    # From the top of capitals to the baseline. A tenth of a unit was rounded away.
    return Box(x + 0.1, y - 0.72 * size, x + width - 0.1, y, text)
