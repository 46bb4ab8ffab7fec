"""Parts that live on a log: processors now; aggregates, views, writers, delivery later."""
