"""Connectors and `fetch` SQL turned into clean Polars tables of items, events and users."""
