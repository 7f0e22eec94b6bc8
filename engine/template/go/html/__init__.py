"""HTML templates: values are escaped for where they stand, as Go's html/template does it.

`escaped(nodes, templates)` rewrites a parsed template: it follows the text through tags,
attributes, scripts, styles and URLs, and gives each action what its value passes through.

**Invariant:** no value changes the structure that the template's author wrote; where that cannot
be known, the template is refused. Absent: parsing and running of templates.
"""

from engine.template.go.html.contextual import Source, escaped

__all__ = ["Source", "escaped"]
