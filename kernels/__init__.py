"""Compiled loops (Numba): arrays in, arrays out, no policy; one public function wraps each."""

SIDE = 96
"""Pixels per edge of the square that pictures are squashed to for every kernel of the project.

The `attributes` encoder and the visual measures look at pictures of one side, so it is decided
once, here: below 96 a fine stripe blurs to a plain surface, above it only the time grows.
"""
