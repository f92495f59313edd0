"""What people and programs read, from view models: pages, workbooks, CSV files, a summary, the index."""
