"""`edgeheat doctor`: checks everything edgeheat needs, each with a remedy if it fails."""
