"""The archive's domain: assets, their events, enrichment, catalog, indexing and searching."""
