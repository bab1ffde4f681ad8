"""One file for each peer, and `ours`."""
