"""Photograph the explorer's page for docs/pictures. Needs playwright, Pillow and a Chromium."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures"
BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

# name, demo, address, width, height, scheme, medium
SHOTS = (
    ("units_light", "lecture", "", 1280, 860, "light", "screen"),
    ("scalars_dark", "chain", "#w=W1,0,0&view=scalars&ask=0", 1280, 860, "dark", "screen"),
    ("backward", "lecture", "#step=8&ask=0", 1280, 860, "light", "screen"),
    ("narrow", "lecture", "", 360, 1500, "light", "screen"),
    ("print", "lecture", "", 900, 1250, "light", "print"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for demo in dict.fromkeys(s[1] for s in SHOTS):
            command = [sys.executable, "-m", "graphdl", "explore", "--demo", demo]
            subprocess.run([*command, "--out", f"{folder}/{demo}.html"], check=True)
        for name, demo, fragment, width, height, scheme, medium in SHOTS:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page.emulate_media(media=medium)
            page.goto(f"{Path(folder, demo).as_uri()}.html{fragment}")
            page.wait_for_selector("html[data-ready]")
            page.evaluate("document.fonts.ready")
            image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            few = image.quantize(96, dither=Image.Dither.NONE)  # flat colours: small, and sharp
            few.save(PICTURES / f"explorer_{name}.png", optimize=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
