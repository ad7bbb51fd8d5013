"""Who may draw how much: a site's fuses as a tree, and what each connector under them is allowed. Pure."""
