"""From raw documents to trades: work items, load, settlement, outbox, review, quality."""
