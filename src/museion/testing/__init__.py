"""Public test kit: contract suites and makers of sample media. Nothing else imports it."""
