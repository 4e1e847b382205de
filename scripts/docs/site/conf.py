"""How Sphinx builds the site: see build_site.py."""

project = "ecr-auth"
html_title = "ecr-auth"
extensions = ["myst_parser"]
exclude_patterns = [".doctrees"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
# GitHub's anchors, for the headings of all levels that the pages have.
myst_heading_anchors = 4
# A part of a JSON file, or one with an ellipsis, is shown without colours.
suppress_warnings = ["misc.highlighting_failure"]
