"""What every test of real processes shares; README.md tells the parts."""
