"""Cases written out in the formats of others."""
