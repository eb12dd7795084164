"""Measures processor time and memory of edgeheat, against plain decoding and a typical script (`make bench`)."""
