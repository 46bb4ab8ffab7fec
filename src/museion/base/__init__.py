"""What every layer stands on: errors, identifiers, codec, telemetry. No I/O, no photos, no logs."""
