"""Object stores on this machine, each started on free ports in a folder of its own and stopped at the end, with a bucket in it.

What is not there is installed: the npm package of Azurite into the cache (`CRANNOG_CACHE`), the others are Python packages.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Callable
from urllib.parse import quote

import boto3
import botocore
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.storage.blob import ContainerClient

import gcs

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import crannog  # noqa: E402

AZURITE = "azurite@3.37.0"
BUCKET = "lake"
KEY_ID, SECRET = "test", "a-secret-of-nobody"
PATIENCE = 60  # seconds until a server must answer


@dataclass
class Store:
    """A bucket: its URL, the environment that leads to it, and ways to it that are not ours."""

    name: str
    url: str
    environment: dict[str, str]
    put: Callable[[str, bytes], None]
    get: Callable[[str], bytes]
    names: Callable[[], list[str]]
    checks_credentials: bool = False


def free_port(below=65536):
    """A port that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < below:
            return port


@contextlib.contextmanager
def running(command, folder, is_up, **environment):
    """A server from when it is up to the end of the block."""
    with open(folder / "log", "ab") as log:
        server = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | environment
        )
    try:
        end = time.monotonic() + PATIENCE
        while not is_up():
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} does not answer:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def s3(name, port, checks_credentials=False):
    """The store that answers there, and whether it does: the bucket is then made."""
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )

    def is_up():
        try:
            client.create_bucket(Bucket=BUCKET)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False
        return True

    def names():
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    store = Store(
        name,
        f"s3://{BUCKET}",
        {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        },
        lambda key, body: client.put_object(Bucket=BUCKET, Key=key, Body=body),
        lambda key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read(),
        names,
        checks_credentials,
    )
    return store, is_up


def is_well(url):
    """Whether a server says of itself that it is."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextlib.contextmanager
def cluster(folder, environment):
    """A scheduler and two executors, with an environment that leads to a store: the scheduler's URL."""
    port = free_port()
    scheduler, program = f"df://127.0.0.1:{port}", crannog.program()
    with contextlib.ExitStack() as started:
        start = lambda command, health, path: started.enter_context(
            running(command, folder, lambda: is_well(f"http://127.0.0.1:{health}/{path}"), **environment)
        )
        start([program, "scheduler", "--port", port], port, "healthz")
        for number in range(2):
            health = free_port()
            words = ["--scheduler", scheduler, "--port", free_port(), "--health-port", health, "--work-dir", folder / f"work-{number}"]
            start([program, "executor", *words], health, "readyz")
        yield scheduler


@contextlib.contextmanager
def moto(folder):
    """S3 by moto."""
    port = free_port()
    store, is_up = s3("S3 (moto)", port)
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port], folder, is_up):
        yield store


@contextlib.contextmanager
def seaweedfs(folder):
    """S3 by SeaweedFS, whose parts have a port each, and another one 10,000 above it."""
    ports = {part: free_port(below=55536) for part in ["master", "volume", "filer", "s3"]}
    store, is_up = s3("S3 (SeaweedFS)", ports["s3"], checks_credentials=True)
    account = {"name": "test", "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [account]}))
    command = [Path(sys.executable).with_name("weed"), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += [f"-{part}.port={port}" for part, port in ports.items()]
    command += ["-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    with running(command, folder, is_up):
        yield store


def azurite_program():
    """Azurite in the cache, installed when first needed."""
    cache = Path(os.environ.get("CRANNOG_CACHE", Path.home() / ".cache" / "crannog")) / "npm"
    home = cache / AZURITE
    program = home / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        if shutil.which("npm") is None:
            crannog.missing("npm", "Azurite, the store that speaks Azure's language, needs Node.js 20 or later and npm")
        print(f"installing {AZURITE} into {home}", file=sys.stderr)
        # Made aside and moved into place, so that an install that was cut short is not taken for a whole one.
        fresh = cache / f"{AZURITE}.{os.getpid()}"
        fresh.mkdir(parents=True)
        try:
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", fresh, AZURITE]
            subprocess.run([str(word) for word in install], check=True, stdout=sys.stderr)
            if not home.exists():
                fresh.rename(home)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return program


@contextlib.contextmanager
def azurite(folder):
    """Azure Blob Storage by Azurite, with the account and key that it publishes."""
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}/{account}"
    container = ContainerClient(endpoint, BUCKET, credential=key, retry_total=0, connection_timeout=2)

    def is_up():
        try:
            container.create_container()
        except (ServiceRequestError, ServiceResponseError):
            return False
        return True

    command = [azurite_program(), "--blobHost", "127.0.0.1", "--blobPort", port, "--location", folder, "--skipApiVersionCheck", "--silent"]
    with running([*command, "--disableTelemetry"], folder, is_up):
        yield Store(
            "Azure (Azurite)",
            f"az://{BUCKET}",
            {
                "AZURE_STORAGE_ENDPOINT": endpoint,
                "AZURE_ALLOW_HTTP": "true",
                "AZURE_STORAGE_ACCOUNT_NAME": account,
                "AZURE_STORAGE_ACCOUNT_KEY": key,
            },
            lambda name, body: container.upload_blob(name, body),
            lambda name: container.download_blob(name).readall(),
            lambda: [blob.name for blob in container.list_blobs()],
            checks_credentials=True,
        )


@contextlib.contextmanager
def google(_folder):
    """Google Cloud Storage by a stub of our own (gcs.py)."""
    server = gcs.server(BUCKET)
    endpoint = f"http://127.0.0.1:{server.server_port}"

    def put(key, body):
        asked = urllib.request.Request(f"{endpoint}/{BUCKET}/{quote(key, safe='')}", data=body, method="PUT")
        urllib.request.urlopen(asked).close()

    key = f'{{"gcs_base_url": "{endpoint}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}'
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Store(
            "GCS (our stub)",
            f"gs://{BUCKET}",
            {"GOOGLE_SERVICE_ACCOUNT_KEY": key},
            put,
            lambda key: server.objects.objects[key]["body"],
            lambda: sorted(server.objects.objects),
        )
    finally:
        server.shutdown()
        server.server_close()


ALL = {"moto": moto, "seaweedfs": seaweedfs, "azurite": azurite, "gcs": google}
