"""What becomes of personal data after loading: another key, an end of keeping, a case that is forgotten."""
