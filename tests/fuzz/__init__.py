"""Whatever is written: findings, errors with a place, or a result; never a traceback or a hang."""
