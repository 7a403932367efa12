"""What is known of every item besides its vectors: looks, words and behaviour."""
