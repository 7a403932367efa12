"""Home on disk: generations, statuses, locks, datasets and caches, each written atomically."""
