#!/usr/bin/python3
"""Is there anything active left in these files?

    check_inert.py FILE.html|FILE.eml ...

By Python's own HTML and MIME parsers, which share no code with smimed. Says each offence as
"file: what" and ends with 1 if there was one."""
import email
import email.policy
import html.parser
import sys

HARMLESS = set(
    "html body abbr acronym address b bdo big blockquote br caption center cite code dd del dfn div dl"
    " dt em font h1 h2 h3 h4 h5 h6 hr i ins kbd li ol p pre q s samp small span strike strong sub sup"
    " table tbody td tfoot th thead tr tt u ul var".split())
WITHOUT_ADDRESS = set(
    "align valign bgcolor border cellpadding cellspacing color colspan rowspan dir lang size start"
    " width".split())
WITHOUT_END = {"br", "hr"}
TYPES = set(
    "text/plain text/html application/octet-stream message/rfc822 image/avif image/bmp image/gif"
    " image/heic image/heif image/jpeg image/jpg image/png image/tiff image/webp".split())
MULTIPARTS = {"multipart/mixed", "multipart/alternative"}
ACTIVE_NAMES = (".htm", ".html", ".xhtml", ".svg", ".xml", ".eml", ".p7m", ".ics", ".mht", ".hta",
                "winmail.dat")


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.offences = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in HARMLESS:
            self.offences.append(f"element <{tag}>")
        for name, value in attrs:
            if name not in WITHOUT_ADDRESS:
                self.offences.append(f"attribute {name} of <{tag}>")
            if any(c in (value or "") for c in ":/()&;\\") or "url" in (value or "").lower():
                self.offences.append(f"value {value!r} of {name}")
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.offences.append(f"</{tag}> ends nothing")

    def handle_comment(self, data):
        self.offences.append("a comment")

    def handle_decl(self, decl):
        if decl != "DOCTYPE html":
            self.offences.append(f"<!{decl}>")

    def handle_pi(self, data):
        self.offences.append("a processing instruction")

    def unknown_decl(self, data):
        self.offences.append("a marked section")


def check_html(octets):
    offences = []
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        return ["not ASCII"]
    checker = Checker()
    checker.feed(text)
    checker.close()
    if checker.open:
        offences.append(f"<{checker.open[-1]}> is not ended")
    return offences + checker.offences


def check_part(part):
    kind = part.get_content_type()
    name = (part.get_filename() or "").rstrip(". ").lower()
    offences = [f"field {field}" for field in part.keys()
                if field.lower().startswith("content-") and field.lower() not in
                ("content-type", "content-transfer-encoding", "content-disposition")]
    if part.is_multipart() and kind != "message/rfc822":
        if kind not in MULTIPARTS:
            offences.append(f"type {kind}")
    elif kind not in TYPES:
        offences.append(f"type {kind}")
    if name.endswith(ACTIVE_NAMES):
        offences.append(f"name {name}")
    if kind == "text/html":
        offences += check_html(part.get_payload(decode=True))
    if kind == "application/octet-stream" and part.get_content_disposition() != "attachment":
        offences.append("a file that is no attachment")
    return offences


def check_file(path):
    with open(path, "rb") as file:
        octets = file.read()
    if path.endswith(".html"):
        return check_html(octets)
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    return [offence for part in message.walk() for offence in check_part(part)]


found = [(path, offence) for path in sys.argv[1:] for offence in check_file(path)]
for path, offence in found:
    print(f"{path}: {offence}", file=sys.stderr)
sys.exit(1 if found else 0)
