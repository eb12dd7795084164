"""Local time: where its hours, days and months lie in Unix time, and the periods that people write."""
