"""Use an installed wheel outside the checkout: migrate, start the web part, fetch a page and its stylesheet.

python smoke.py ENVIRONMENT DATA_DIR
"""

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE = 60.0  # seconds


def main(environment: Path, data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    portal = str(environment / "bin" / "portal")
    env = {**os.environ, "PORTAL_DEMO": "1", "PORTAL_DATA_DIR": str(data_dir), "PORT": str(port)}
    for variable in ("PYTHONPATH", "REDIS_URL", "PORTAL_DATABASE_URL"):
        env.pop(variable, None)

    where = [str(environment / "bin" / "python"), "-c", "import portal; print(portal.__file__)"]
    package = Path(subprocess.run(where, env=env, check=True, capture_output=True, text=True).stdout.strip())
    expect(package.is_relative_to(environment), f"the package comes from {package}")

    for _ in range(2):  # safe to run twice
        subprocess.run([portal, "migrate"], env=env, check=True, timeout=PATIENCE)
    check_database(data_dir / "portal.db")

    web = subprocess.Popen([portal, "web"], env=env)
    try:
        check_pages(f"http://127.0.0.1:{port}")
    finally:
        web.terminate()
        web.wait(PATIENCE)


def check_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        versions = database.execute("SELECT version_num FROM alembic_version").fetchall()
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    expect(len(versions) == 1, f"the database is at {versions}")
    expect("scheduled_export_runs" in tables, f"migrations made {sorted(tables)}")


def check_pages(url: str) -> None:
    fetch(f"{url}/healthz")
    page = fetch(f"{url}/login").decode()
    expect("<form" in page, "/login has no form")
    ours = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js)[^"]*)"', page)
    expect(bool(ours), "/login links no stylesheet or script of ours")
    for path in ours:
        expect(len(fetch(url + path)) > 0, f"{path} is empty")


def fetch(url: str) -> bytes:
    """Return the body of a 200, and wait for the server to come up first."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(url, timeout=10) as response:  # noqa: S310 - our own server on loopback
                body: bytes = response.read()
        except URLError as error:
            if time.monotonic() > end or not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.2)
        else:
            print(f"GET {url}: {len(body)} bytes", flush=True)
            return body


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"smoke test: {otherwise}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
