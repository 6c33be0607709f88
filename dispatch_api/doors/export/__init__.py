"""Cases as files: CSV for spreadsheets, GeoPackage for maps, and the fields of GB/T 47678.5 for other systems."""
