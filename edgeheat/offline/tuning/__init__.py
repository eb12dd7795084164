"""Shows why a recording's heat is as it is, and suggests settings."""
