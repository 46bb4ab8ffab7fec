"""Contract suites: what every store must do, to inherit for a store of your own."""
