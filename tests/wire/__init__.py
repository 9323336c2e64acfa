"""A raw-socket HTTP server that answers as real servers do and no library would, and notes every byte."""
