"""Templates of notifications, against recorded and live answers of amtool."""
