"""What every layer stands on: errors, identifiers, codec, telemetry, waiting, retry. No I/O."""
