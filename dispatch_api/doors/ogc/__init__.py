"""OGC API - Features, part 1: cases, places of tasks, flights and zones for QGIS, GDAL and cockpits."""
