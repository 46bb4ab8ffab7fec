"""Payloads of events: marks, adapters, old forms, encryption, and what a decoding may end in."""
