"""Encoder cards, the bundled pack and the builders that turn checkpoints into ONNX."""
