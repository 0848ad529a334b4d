"""Files pushed as pages: what is surely no text is refused at the door, and no text is."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib

import pytest
from flask.testing import FlaskClient

from services.ingest.binary import binary_kind
from shared.ledger.port import Ledger


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<w:p>Harbour reopens</w:p>")
    return out.getvalue()


FILES = {
    "a PNG image": _png(),
    "a JPEG image": bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300"),
    "a GIF image": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00",
    "a WebP image": b"RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00",
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "a ZIP archive (or an office document)": _zip(),
    "gzip data": gzip.compress(b"<p>Harbour reopens</p>"),
}
TEXTS = {
    "about GIF": b"GIF89a is the format of 1989.\nIt moves.",
    "about PDF": b"%PDF-1.7 is how such a file begins.\n",
    "about PDF, the mark as a headline": b"%PDF: what the sign means\nIt is a comment.",
    "about PNG": "‰PNG is what an image begins with.".encode(),
    "a byline": b"PK reports from the harbour.",
    "RIFF": b"RIFF RAFF WEBP: a band's new name.",
    "UTF-16": "Grüße aus dem Hafen".encode("utf-16"),
    "UTF-16 without its mark": "Harbour reopens".encode("utf-16-le"),
    "ISO-2022-JP": "港湾審議会".encode("iso2022_jp"),
    "a wire's control characters": b"\x01\x02Harbour reopens\x03\x04",
    "every byte there is": bytes(range(256)),
}


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=utf-8", "application/xhtml+xml"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_text_is_refused_with_what_it_is(
    client: FlaskClient, ledger: Ledger, kind: str, content_type: str
) -> None:
    answer = client.post("/v1/pages?source=a", data=FILES[kind], content_type=content_type)
    assert answer.status_code == 415
    assert answer.json is not None
    (error,) = answer.json["errors"]
    assert error["field"] == "Content-Type"
    assert kind in error["message"]
    assert "send the HTML or plain text itself" in error["message"]
    assert ledger.tallies().get("accepted", 0) == 0


@pytest.mark.parametrize("name", TEXTS)
def test_what_may_be_text_is_taken(client: FlaskClient, name: str) -> None:
    assert binary_kind(TEXTS[name]) is None
    answer = client.post("/v1/pages?source=a", data=TEXTS[name], content_type="text/plain")
    assert answer.status_code == 202
