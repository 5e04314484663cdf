"""A server of S3's protocol of a drill's own, for Python: Debian's radosgw by radosgw.sh, which says what it is like.

    server = RadosgwServer(folder)     makes one in folder, which is not there yet, and starts it
    server.do("stop")                  what radosgw.sh reads
    server.bucket("payloads")          makes a bucket of user "test"
    server.objects("payloads")         the names in it
"""
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent
PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "curl")


def here():
    return all(shutil.which(program) for program in PROGRAMS)


class RadosgwServer:
    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder)
        self.process = subprocess.Popen(["bash", HERE / "radosgw.sh", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "LC_ALL": "C"})
        said = re.match(r"ready (\d+) (\d+)$", self.process.stdout.readline())
        if not said:
            raise RuntimeError(f"radosgw does not start in {folder}")
        self.endpoint, self.tls_endpoint = f"http://127.0.0.1:{said[1]}", f"https://127.0.0.1:{said[2]}"
        self.key_file = self.key("key", "AK\nSK\n")

    def key(self, name, text):
        """A key file with mode 0600."""
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            f.write(text)
        return path

    def do(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError(f"radosgw: {what}")

    def curl(self, method, path, *options):
        return subprocess.run(["curl", "-q", "-s", "-S", "-f", "--noproxy", "*", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "AK:SK",
                               "-H", "x-amz-content-sha256:UNSIGNED-PAYLOAD", *options, f"{self.endpoint}/{path}"],
                              check=True, stdout=subprocess.PIPE, timeout=30).stdout

    def bucket(self, name):
        self.curl("PUT", name)

    def objects(self, bucket):
        return re.findall(r"<Key>([^<]*)</Key>", self.curl("GET", bucket).decode())

    def delete(self, path):
        self.curl("DELETE", path)

    def put(self, path, data):
        self.curl("PUT", path, "--data-binary", data)

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)
