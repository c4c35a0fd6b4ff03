"""The explorer: one page on where each gradient of a model comes from, in its own numbers."""

from graphdl.explorer.explore import Page, explore
from graphdl.explorer.playback import Recording

__all__ = ["Page", "Recording", "explore"]
