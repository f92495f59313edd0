"""Which products and events are reported together more often than expected: counts → measures → screens → status."""
