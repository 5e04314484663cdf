"""Where things lie. PROVOST_BUILD: the folder with the built programs."""
from __future__ import annotations

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
VECTORS = ROOT / "tests" / "vectors"
DATA = ROOT / "tests" / "data"
BUILD = pathlib.Path(os.environ.get("PROVOST_BUILD") or ROOT / "build" / "dev")
