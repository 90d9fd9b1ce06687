"""Devices: the only code that touches sound hardware."""
