"""Commands for authors: results that repeat, the site as plain Markdown, new pages. Imports all but `hooks`."""
