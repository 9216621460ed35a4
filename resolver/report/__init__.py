"""A report on locks for people, as one page.

`report_data` finds the facts, which are values and one JSON document (`report.schema.json`); `report_page` puts that
document into the page (`page.html`, `page.css`, `page.js`). The page knows the schema alone, so that whatever else
writes such a document has a page as well.
"""
