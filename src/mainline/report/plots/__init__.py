"""The plots of the reports, as SVG."""
