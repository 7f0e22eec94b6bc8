"""Tocsin's engine: from records on a stream to alert records on a log (see ARCHITECTURE.md)."""
