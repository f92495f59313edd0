"""Identity of things: products by identifier, events by wording, hospitals by name."""
