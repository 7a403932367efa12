"""Cells of image columns (paths, URLs, bytes) into uint8 RGB pixels, with an outcome for each."""
