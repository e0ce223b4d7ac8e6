"""Networks, one folder each: what it is and where its weights come from, its architecture (torch), and how it runs.

Nothing here is imported before it is used, and torch only by a module called `network`.
"""
