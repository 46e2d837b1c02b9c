"""The XML interface of Google Cloud Storage, as much of it as a table needs, in memory: put with a precondition, get, head,
delete, list, multipart upload. What it does not know it refuses."""

import datetime as dt
import hashlib
import itertools
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

# So few that a list of any table has several pages.
PAGE = 7


class Objects:
    """One bucket: what is in it, and the uploads that are not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.generations = itertools.count(1)
        self.objects = {}
        self.uploads = {}

    def put(self, key, body, must_be_absent):
        """The new object; None where there is one already and none may be."""
        with self.lock:
            if must_be_absent and key in self.objects:
                return None
            self.objects[key] = made = {
                "body": body,
                "generation": str(next(self.generations)),
                "etag": f'"{hashlib.md5(body).hexdigest()}"',
                "time": dt.datetime.now(dt.timezone.utc),
            }
            return made

    def page(self, prefix, delimiter, after):
        """The next names and folders after one, and where to go on."""
        entries, last = [], after
        with self.lock:
            for key in sorted(self.objects):
                if not key.startswith(prefix) or key <= after or (delimiter and after.endswith(delimiter) and key.startswith(after)):
                    continue
                rest = key[len(prefix):]
                folder = prefix + rest.split(delimiter)[0] + delimiter if delimiter and delimiter in rest else None
                entry = folder or key
                if entries and entries[-1][0] == entry:
                    continue
                if len(entries) == PAGE:
                    return entries, last
                entries.append((entry, None if folder else self.objects[key]))
                last = entry
        return entries, None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.store = self.server.objects

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def xml(self, element, text):
        self.answer(200, f"<?xml version='1.0' encoding='UTF-8'?><{element}>{text}</{element}>".encode(), Content_Type="application/xml")

    def asked(self):
        """Bucket, key, query and body of the request."""
        url = urlsplit(self.path)
        bucket, _, key = url.path[1:].partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return unquote(bucket), unquote(key), query, body

    def do_GET(self):
        bucket, key, query, _ = self.asked()
        if bucket != self.server.bucket:
            return self.answer(404)
        if not key and query.get("list-type") == "2":
            return self.list(query)
        found = self.store.objects.get(key)
        if not key or query or found is None:
            return self.answer(404 if not query else 400)
        body, status, more = found["body"], 200, {}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked:
            first, last = asked.groups()
            start = int(first) if first else max(len(body) - int(last), 0)
            end = min(int(last) + 1 if first and last else len(body), len(body))
            if start >= len(body):
                return self.answer(416)
            more = {"Content_Range": f"bytes {start}-{end - 1}/{len(body)}"}
            body, status = body[start:end], 206
        self.answer(
            status,
            body,
            ETag=found["etag"],
            x_goog_generation=found["generation"],
            Last_Modified=found["time"].strftime("%a, %d %b %Y %H:%M:%S GMT"),
            Content_Length=str(len(body)),
            **more,
        )

    do_HEAD = do_GET

    def list(self, query):
        after = query.get("continuation-token") or query.get("start-after") or ""
        entries, more = self.store.page(query.get("prefix", ""), query.get("delimiter", ""), after)
        text = "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            if found is None
            else f"<Contents><Key>{escape(name)}</Key><Size>{len(found['body'])}</Size><ETag>{escape(found['etag'])}</ETag>"
            f"<LastModified>{found['time'].isoformat(timespec='milliseconds').replace('+00:00', 'Z')}</LastModified></Contents>"
            for name, found in entries
        )
        self.xml("ListBucketResult", text + (f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""))

    def do_PUT(self):
        bucket, key, query, body = self.asked()
        condition = self.headers.get("x-goog-if-generation-match")
        if bucket != self.server.bucket or not key or condition not in [None, "0"] or self.headers.get("x-goog-copy-source"):
            return self.answer(400)
        if "uploadId" in query:
            parts = self.store.uploads.get(query["uploadId"])
            if parts is None:
                return self.answer(404)
            parts[int(query["partNumber"])] = body
            return self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')
        made = self.store.put(key, body, must_be_absent=condition == "0")
        if made is None:
            return self.answer(412)
        self.answer(200, ETag=made["etag"], x_goog_generation=made["generation"])

    def do_POST(self):
        bucket, key, query, body = self.asked()
        if bucket != self.server.bucket:
            return self.answer(404)
        if "uploads" in query:
            name = f"upload-{next(self.store.generations)}"
            self.store.uploads[name] = {}
            return self.xml("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
        parts = self.store.uploads.pop(query.get("uploadId"), None)
        if parts is None:
            return self.answer(404)
        numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        made = self.store.put(key, b"".join(parts[number] for number in numbers), must_be_absent=False)
        text = f"<ETag>{escape(made['etag'])}</ETag>"
        answer = f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>".encode()
        self.answer(200, answer, x_goog_generation=made["generation"])

    def do_DELETE(self):
        bucket, key, query, _ = self.asked()
        taken = self.store.uploads.pop(query["uploadId"], None) if "uploadId" in query else self.store.objects.pop(key, None)
        self.answer(404 if taken is None else 204)

    def log_message(self, *_):
        pass


def server(bucket):
    """A server of one bucket on a free port, not yet serving."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.bucket, made.objects = bucket, Objects()
    return made
