"""Measures how accurate the heat is: edgeheat and common methods against known ground truth (`make fidelity`)."""
