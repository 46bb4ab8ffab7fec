"""What may travel between sites, and what a site wants of the others."""
