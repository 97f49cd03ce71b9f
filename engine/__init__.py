"""A trained generator in the visitor's own browser: packs of its weights, and the engine that draws from them.

docs/engine.md describes the pack and the API in JavaScript.
"""

from pathlib import Path

JS = Path(__file__).with_name("js")  # what a page loads: engine.js, beside all that it asks for
