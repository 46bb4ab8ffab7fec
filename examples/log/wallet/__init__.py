"""An e-wallet on one event log. `README.md` tells what it shows and how to run it."""
