"""Makes the report of a day, week or month for the people who run the shop: one HTML page and two tables."""
