"""Is a formula for a gradient right, and if it is not, which factor is wrong first."""
