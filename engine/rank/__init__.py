"""From a person, an item or a query to a ranked answer: candidates, signals, filter, response."""
