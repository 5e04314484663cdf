#!/usr/bin/env python3
"""Each command of docs/high-availability.md, in the order of the page, by a shell: two brokers on a PostgreSQL server of the test's own.

As in operations_doc.py, whose stand-ins these are: broker-b.example is a second root folder, and both mount one payload folder. The
server asks role provost for its password. What the page promises in words is looked at between its sections.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from operations_doc import TREE, Site, blocks, free_port, state, submit, waits_for

PAGE = "high-availability.md"
POSTGRES = os.path.join(TREE, "tests/support/postgres/postgres.sh")
OTHER = "broker-b.example"

RSYNC = r"""#!/bin/bash
# rsync [-a] [--exclude NAME] FROM/ [HOST:]TO/
set -eu
from=${*: -2:1}
to=${*: -1}
other=
case $to in *.example:*) other=${to%%:*} to=${to#*:} to=${to//$ROOT\//$ROOT-$other/} ;; esac
mkdir -p "$to"
cp -a "$from". "$to"
[ -z "$other" ] || sed -i "s|$ROOT/|$ROOT-$other/|g" "$to"/*.yaml
"""


def postgres(*words):
    return subprocess.run([POSTGRES, *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Two(Site):
    def __init__(self, folder):
        self.server = os.path.join(folder, "pg")
        url = postgres("start", self.server)
        self.server_port = re.search(r":(\d+)/", url)[1]
        postgres("sql", self.server, "postgres", "DROP DATABASE d1")
        postgres("sql", self.server, "postgres", "DROP ROLE provost")
        hba = os.path.join(self.server, "data/pg_hba.conf")
        rules = open(hba, encoding="utf-8").read()
        open(hba, "w", encoding="utf-8").write("host all provost 127.0.0.1/32 scram-sha-256\n" + rules)
        postgres("sql", self.server, "postgres", "SELECT pg_reload_conf()")
        self.other_port = free_port()
        super().__init__(folder)
        for name, text in (("rsync", RSYNC), ("chown", "#!/bin/true\n")):
            with open(os.path.join(self.bin, name), "w", encoding="utf-8") as out:
                out.write(text)
            os.chmod(os.path.join(self.bin, name), 0o755)
        self.other = f"{self.root}-{OTHER}"
        os.makedirs(os.path.join(self.root, "srv/provost"))
        os.makedirs(os.path.join(self.other, "srv"))
        os.symlink(os.path.join(self.root, "srv/provost"), os.path.join(self.other, "srv/provost"))

    def env(self, root):
        both = f"tcp://127.0.0.1:{self.port},tcp://127.0.0.1:{self.other_port}"
        return dict(super().env(root), PGPORT=self.server_port, PROVOST_BROKER=both)

    def here(self, text):
        text = text.replace("broker-a.example:7070", f"127.0.0.1:{self.port}").replace("broker-b.example:7070", f"127.0.0.1:{self.other_port}")
        return super().here(text.replace("db.example", "127.0.0.1"))

    def said(self, root):
        return open(os.path.join(root, "provost-broker.log"), encoding="utf-8").read()

    def starts(self, root):
        """The epochs in which it was active."""
        return [int(n) for n in re.findall(r"store\.restored .*epoch=(\d+)", self.said(root))]

    def log(self):
        return "".join(f"--- {root}\n{self.said(root)[-4000:]}" for root in (self.root, self.other) if os.path.exists(root + "/provost-broker.log"))

    def end(self):
        super().end()
        shutil.rmtree(self.root + "-new", ignore_errors=True)
        subprocess.run(["bash", "-c", f'kill "$(cat "{self.other}/provost-broker.pid")"'], check=False, stderr=subprocess.DEVNULL)
        postgres("end", self.server)


def proved(site):
    task = submit(site)
    site.must(f"provost task wait {task} --timeout 60s")
    return task


def looked_at(site, section, seen):
    """What the page says is so after this section."""
    if section == "Two brokers" and "both" not in seen and os.path.exists(site.other + "/provost-broker.log"):
        seen["both"] = proved(site)
        assert "broker.standby" in site.said(site.other), "the second broker does not stand by"
        assert state(site, seen["kept"]) == "succeeded", "what was migrated is not there"
        code, said = site.run("env -u PROVOST_KEY provost-broker --config /dev/null --insecure --bind 'tcp://127.0.0.1:*' --state /var/lib/provost")
        assert code == 1 and "was moved to postgresql://127.0.0.1" in said, said
    if section == "Take over by hand":
        waits_for("the other takes over", lambda: len(site.starts(site.other)) == 1)
        assert site.starts(site.other)[0] > max(site.starts(site.root)), "the epoch did not rise"
        seen["over"] = proved(site)
    if section == "Restore":
        waits_for("one is active", lambda: max(site.starts(site.root) + site.starts(site.other)) > seen["epoch"] + 90000)
        assert state(site, seen["over"]) == "succeeded" and state(site, seen["later"]) is None, "the restored state is not the backup's"
        proved(site)


def run_page(site):
    site.must("systemctl start provost-broker; systemctl start provost-prover")
    seen = {"kept": proved(site)}
    site.must("sed -i 's|^broker:.*|broker: \"tcp://broker-a.example:7070,tcp://broker-b.example:7070\"|' /etc/provost/prover.yaml; systemctl restart provost-prover")
    for section, script in blocks(PAGE):
        if section == "Restore":
            seen["later"] = proved(site)
            seen["epoch"] = max(site.starts(site.root) + site.starts(site.other))
        site.must(script)
        print(f"ok: {section}: {len(script.splitlines())} lines", flush=True)
        looked_at(site, section, seen)
    assert {"kept", "both", "over", "later"} <= set(seen), "a section is missing"
    proved(site)


def main():
    folder = tempfile.mkdtemp(prefix="provost-ha-")
    os.chmod(folder, 0o755)
    site = Two(folder)
    try:
        run_page(site)
    finally:
        site.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if not os.path.exists("/usr/lib/postgresql/15/bin/postgres"):
        sys.exit(77)
    sys.exit(main())
