"""The look of the pages that the server makes itself: light and dark, no scripts, nothing fetched from elsewhere."""

from html import escape

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ --text: #1c2430; --quiet: #5c6675; --line: #dfe3e8; --page: #fbfbfc; --mark: #0b6e5f; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --text: #e4e8ee; --quiet: #98a2b1; --line: #2e3641; --page: #14181e; --mark: #5fd0bc; }}
}}
body {{ margin: 0 auto; max-width: 44rem; padding: 3rem 1.25rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; }}
h1 {{ margin: 0 0 .5rem; font-size: 1.9rem; letter-spacing: -.02em; overflow-wrap: anywhere; }}
code, td {{ font-family: ui-monospace, monospace; font-size: .9em; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ padding: .35rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }}
th {{ font-weight: 400; color: var(--quiet); }}
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def page(title: str, style: str, body: str) -> bytes:
    """A page of HTML in UTF-8. `title` is text; `style` (CSS) and `body` (HTML) are taken as they are."""
    return _PAGE.format(title=escape(title), style=style, body=body).encode()
