#!/usr/bin/env python3
"""deploy/nginx/provost.conf as it stands, its names, paths and ports replaced: TLS before the broker, tokens through it, events as they come,
other names refused. Exits 77 where nginx or openssl are not installed."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import page_scene
from page_scene import ADMIN, READ, Scene
from programs import until

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NAME = "provost.example"
failures = []


def expect(what, ok, more=""):
    if not ok:
        failures.append(f"{what} {more}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def front(scene, port):
    """nginx in the foreground, in the scene's folder."""
    folder = scene.p.path("nginx")
    os.mkdir(folder)
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    text = open(os.path.join(ROOT, "deploy/nginx/provost.conf"), encoding="utf-8").read()
    for old, new in (("127.0.0.1:7071", f"127.0.0.1:{scene.port}"), ("listen 443 ", f"listen 127.0.0.1:{port} "), ("/etc/ssl/provost/cert.pem", cert),
                     ("/etc/ssl/provost/key.pem", key)):
        expect(f"{old} is in the example", old in text)
        text = text.replace(old, new)
    temps = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as f:
        f.write(f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{ access_log {folder}/access.log; {temps}\n{text}\n}}\n")
    scene.p.start("nginx.log", ["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"])
    return cert, os.path.join(folder, "access.log")


def connect(port, cert, name=NAME, seconds=15):
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = name == NAME
    raw = socket.create_connection(("127.0.0.1", port), seconds)
    c = http.client.HTTPSConnection(name, port)
    c.sock = context.wrap_socket(raw, server_hostname=name)
    return c


def ask(port, cert, method, path, token=None, name=NAME, **headers):
    c = connect(port, cert, name)
    all_headers = {"Host": f"{name}:{port}", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    c.request(method, path, headers=all_headers)
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data, r


def listen(port, cert, heard):
    c = connect(port, cert, seconds=30)
    c.request("GET", "/v1/events", headers={"Host": f"{NAME}:{port}", "Authorization": f"Bearer {READ}", "Accept": "text/event-stream"})
    r = c.getresponse()
    heard.append((time.monotonic(), str(r.status)))
    while line := r.readline():
        heard.append((time.monotonic(), line.decode().strip()))


def checks(scene, port, cert, access_log):
    until("nginx", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
    status, data, r = ask(port, cert, "GET", "/")
    expect("the page", status == 200 and b"<title>Provost" in data and "script-src 'self'" in r.getheader("Content-Security-Policy"), status)
    expect("and only over TLS from now on", "max-age" in (r.getheader("Strict-Transport-Security") or ""))
    expect("reads need a token", ask(port, cert, "GET", "/v1/queues")[0] == 401)
    expect("with it they are answered", ask(port, cert, "GET", "/metrics", READ)[0] == 200)
    origin = f"https://{NAME}:{port}"
    status, data, _ = ask(port, cert, "POST", "/v1/queues/held/pause", ADMIN, Origin=origin, **{"Sec-Fetch-Site": "same-origin"})
    expect("writes of our own page", status == 200 and json.loads(data)["verb"] == "pause", (status, data))
    expect("not of another's", ask(port, cert, "POST", "/v1/queues/held/resume", ADMIN, Origin="https://evil.example")[0] == 403)
    expect("nor under another name", ask(port, cert, "GET", "/v1/queues", READ, name="evil.example")[0] == 421)
    heard = []
    threading.Thread(target=listen, args=(port, cert, heard), daemon=True).start()
    until("the stream", lambda: len([1 for _, line in heard if line == "event: overview"]) >= 4)
    times = [t for t, line in heard if line == "event: overview"]
    expect("events come as they happen, not in heaps", times[-1] - times[1] > 0.8, times)
    c, many = connect(port, cert), []
    for _ in range(120):
        c.request("GET", "/v1/queues", headers={"Host": f"{NAME}:{port}", "Authorization": f"Bearer {READ}"})
        r = c.getresponse()
        r.read()
        many.append(r.status)
    expect("too many requests wait", set(many) <= {200, 429} and 200 in many, set(many))
    log = open(access_log, encoding="utf-8").read()
    expect("no token in its log", READ not in log and ADMIN not in log and "/v1/queues" in log)


def main():
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or not shutil.which("openssl"):
        print("nginx or openssl is not installed")
        sys.exit(77)
    os.environ["PATH"] += ":/usr/sbin"
    scene = Scene("--http-hosts", NAME, read=True)
    try:
        page_scene.Client(scene.p.endpoint).submit("held", "x")
        port = free_port()
        checks(scene, port, *front(scene, port))
    finally:
        scene.close()
    print("\n".join(failures) or "as the example promises")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
