"""What a real Alertmanager sends for each option of slack, email and webhook, and that we do too."""
