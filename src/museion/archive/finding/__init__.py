"""What stands behind `searching`: what a query allows, how hits are ranked, and what they show."""
