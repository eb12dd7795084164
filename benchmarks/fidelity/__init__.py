"""How close heat comes to the truth, edgeheat's beside that of the classic ways; `make fidelity` runs all of it."""
