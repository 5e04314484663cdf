"""Two brokers on one store in PostgreSQL whose large payloads lie in a bucket of a radosgw: brokers.py with a server of S3's protocol."""
import contextlib
import glob
import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "postgres"), str(HERE.parents[1] / "support" / "objects")]

import brokers  # noqa: E402
import radosgw_server  # noqa: E402

BUCKET = "payloads"
PREFIX = "fleet/a"


class BucketBrokers(brokers.Brokers):
    def __init__(self, settings=""):
        if not radosgw_server.here():
            print("radosgw is not here", file=sys.stderr)
            sys.exit(brokers.drill.SKIPPED)
        super().__init__(settings)
        self.s3 = radosgw_server.RadosgwServer(self.path("s3"))
        self.s3.bucket(BUCKET)
        self.place = f"s3://{BUCKET}/{PREFIX}"

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        with contextlib.suppress(Exception):
            self.s3.end()

    def payloads(self):
        return ("--payloads", self.place, "--s3-endpoint", self.s3.endpoint, "--s3-key-file", self.s3.key_file)

    def objects(self):
        """Names of payloads in the bucket, with our prefix."""
        return [name[len(PREFIX) + 1:] for name in self.s3.objects(BUCKET) if name.startswith(f"{PREFIX}/") and not name.endswith("/identity")]

    def cached(self, broker):
        return glob.glob(os.path.join(self.path(f"{broker.name}-state"), "cache", "*"))

    def forget(self, broker):
        """The broker's own folder is gone, as with its machine."""
        shutil.rmtree(self.path(f"{broker.name}-state"), ignore_errors=True)


__all__ = ["BUCKET", "PREFIX", "BucketBrokers"]
