"""The pages of the supervision: functions from values to HTML, and their style and script."""
