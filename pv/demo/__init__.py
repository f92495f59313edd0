"""A fictional city with two years of weekly exports, and the truth about what is planted in them."""

from pv.demo.city import LAST_WEEK, write_city

__all__ = ["LAST_WEEK", "write_city"]
