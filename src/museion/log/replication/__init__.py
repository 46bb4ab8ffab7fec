"""Will hold the protocol, replicator, endpoint, filters and recovery that join logs of sites."""
