"""A page as a browser sees it."""

import html.parser


class Parsed(html.parser.HTMLParser):
    """What a browser would see: elements with their attributes, and the text in each."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in self.VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag  # each is closed in its turn

    def handle_data(self, text):
        for _, _, parts in self._open:
            parts.append(text)

    def all(self, tag, **wanted):
        return [
            (attributes, "".join(parts))
            for name, attributes, parts in self.elements
            if name == tag and wanted.items() <= attributes.items()
        ]

    def texts(self, tag):
        return [text for _, text in self.all(tag)]
