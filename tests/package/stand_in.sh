#!/bin/sh
# Stands in for apt-get and systemctl in first_proof_short.sh: what the packages and the units do, done from their own files, without dpkg and
# systemd. In the folder `deploy` beside it are ours; the folder of the caller is /root/first.
set -eu
deploy=/root/first/deploy

# apt-get install -y ./provost_*.deb ./provost-WHAT_*.deb: settings, user and key of the service.
install_service() {
    unit=$1 key=$2
    user=$(sed -n 's/^u \([a-z-]*\) .*/\1/p' "$deploy/debian/$unit.sysusers")
    grep -q "^$user:" /etc/passwd || echo "$user:x:64321:64321::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    grep -q "^$user:" /etc/group || echo "$user:x:64321:" >>/etc/group
    while read -r kind path mode owner group _; do
        [ "$kind" != d ] || { mkdir -p "$path"; chmod "$mode" "$path"; chown "$owner:$group" "$path"; }
    done <"$deploy/debian/$unit.tmpfiles"
    for file in $(cat "$deploy/debian/${unit#provost-}.conffiles"); do cp "$deploy/config/$(basename "$file")" "$file"; done
    echo "$unit: /etc/provost/$key was made; its public key is $(provost key gen "/etc/provost/$key")"
}

# systemctl enable --now UNIT: ExecStart as it stands there, as its user, with a copy of its credential, until it says READY=1.
start_service() {
    unit=$1
    file=$deploy/systemd/$unit.service
    credential=$(sed -n 's/^LoadCredential=//p' "$file")
    user=$(sed -n 's/^User=//p' "$file")
    folder=/run/credentials/$unit.service
    mkdir -p "$folder"
    cp "${credential#*:}" "$folder/${credential%%:*}"
    chown -R "$user" "$folder"
    chmod 400 "$folder/${credential%%:*}"
    python3 - "$unit" "$user" "$folder" "$(sed -n 's/^ExecStart=//p' "$file" | sed "s|%d|$folder|g")" <<'END'
import os, pwd, socket, subprocess, sys
unit, user, folder, command = sys.argv[1:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(f"\0stand-in-{os.getpid()}")
manager.settimeout(20)
who = pwd.getpwnam(user)
with open(f"/run/{unit}.log", "ab") as log:
    process = subprocess.Popen(
        ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", *command.split()],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        env={"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": f"@stand-in-{os.getpid()}", "CREDENTIALS_DIRECTORY": folder})
with open(f"/run/{unit}.pid", "w") as f:
    f.write(str(process.pid))
while b"READY=1" not in manager.recv(4096).split(b"\n"):
    pass
END
}

case "$(basename "$0") $*" in
"apt-get install "*provost-broker*) install_service provost-broker broker.key ;;
"apt-get install "*provost-prover*) install_service provost-prover node.key ;;
"systemctl enable --now provost-"*) start_service "$3" ;;
*) echo "no stand-in for: $(basename "$0") $*" >&2; exit 2 ;;
esac
