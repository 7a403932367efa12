"""Vectors turned into an index that answers which rows are nearest to a query."""
