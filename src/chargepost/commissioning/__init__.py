"""The installer's tool, embedded in a station: what is shown and set, who may, and the pages drawn from that.

How to add a tab, a sub-tab, a field, an action or a download: docs/explanation/the-tool.md.
"""
