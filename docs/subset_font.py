"""Cut STIX Two Math down to the glyphs of derivations: graphdl/explorer/assets/math.woff2.

    pip install fonttools brotli ziamath
    python docs/subset_font.py [STIXTwoMath-Regular.ttf]

Without an argument the copy inside the package ziamath is taken. The font is under the SIL Open Font
License, without a reserved name; its text stands beside the result.
"""

import importlib.util
import sys
from pathlib import Path

from fontTools import subset

TARGET = Path(__file__).resolve().parents[1] / "graphdl/explorer/assets/math.woff2"

# Everything a formula may hold that is no letter of a user's own alphabet.
SIGNS = (
    "×·±^¯‾ˆ˜ˡ′″…⋯⋮⋱∂∇∑∏√∞∫∈ℝ−∗∘∙⊙⊗⊕⊤⋅≤≥≠≈∼∧∨¬⧵‵→←↦⟶‖⟨⟩⌊⌋⌈⌉∣"
    "\u0302\u0303\u0304\u0307\u2061\u2062\u2063\u2064\u23de\u23df𝟙ℒℓℎ²ϑϕϵ[]{}()|"
)
RANGES = (
    (0x20, 0x7F),  # ASCII
    (0x391, 0x3AA), (0x3B1, 0x3CA),  # Greek
    (0x1D434, 0x1D468), (0x1D6E2, 0x1D71C),  # the same in italics, Latin too
)  # fmt: skip


def installed_copy() -> str:
    """The font file of ziamath."""
    spec = importlib.util.find_spec("ziamath")
    if spec is None or spec.origin is None:
        sys.exit("name the file STIXTwoMath-Regular.ttf, or install ziamath")
    return str(Path(spec.origin).parent / "fonts/STIXTwoMath-Regular.ttf")


def main() -> None:
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ssty"]  # scripts have shapes of their own; MathML asks for no more
    options.notdef_outline = True
    options.name_IDs = ["*"]  # the licence stays in the font
    options.drop_tables += ["DSIG"]
    font = subset.load_font(sys.argv[1] if len(sys.argv) > 1 else installed_copy(), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[*map(ord, SIGNS), *(c for r in RANGES for c in range(*r))])
    cutter.subset(font)
    subset.save_font(font, str(TARGET), options)
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes, {len(font.getGlyphOrder())} glyphs")


if __name__ == "__main__":
    main()
