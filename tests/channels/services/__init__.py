"""What a real Alertmanager sends to PagerDuty, Opsgenie, Teams, Discord and Telegram."""
