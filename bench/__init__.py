"""Speed, memory and detection figures: `python -m bench` for all parts, `python -m bench detection` for one."""
