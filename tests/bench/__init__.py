"""Figures of the product on real parts, each against a limit or a peer from the same run."""
