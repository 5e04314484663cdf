#!/usr/bin/env python3
"""scenes_test.py broker|programs: plays recorded connections of 52f222a against today's programs.

    broker      the old clients and nodes speak: today's broker answers them as that of 52f222a did
    programs    the old broker speaks: today's commands and nodes get on with it and come to the same end"""
import glob
import os
import shlex
import shutil
import signal
import sys
import time

import replay
import zmtp
from programs import Programs
from scene import Scene

SCENES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "compat", "scenes")
# The nodes of the scenes, and how they were started. (A node that proves blinds each proof anew: only its messages to the
# broker can be played.)
NODES = [("small", "p1.1", "--slots 1"), ("large", "p1.1", "--slots 1"), ("recall", "p1.1", "--slots 1 --prefetch 1"),
         ("recall", "p2.1", "--slots 1 --prefetch 0"), ("trouble", "p1.1", "--slots 1 --prefetch 0 --grace-s 60")]


def where(scene, number, name, fault):
    return replay.Different(f"{os.path.basename(scene.path)}:{number}: {name}: {fault}")


def name_in_use(build, clock, scene):
    """superseded.txt: today the first node keeps its name, the second is refused, and served when the first is gone."""
    p = Programs(build)
    said = [(name, m) for _, name, m in scene.steps if m and m.way == "up"]
    hello = {name: m for name, m in said if m.type == "HELLO"}
    ready = next(m for _, m in said if m.type == "READY")
    try:
        p.broker(scene.broker, p.path("state"), (clock, scene.wall))
        first, second = (replay.Connection(zmtp.dial(p.endpoint), replay.Learned()) for _ in range(2))
        first.say(hello["p1.1"])
        first.wait_for("WELCOME")
        first.say(ready)
        second.say(hello["p1.2"])
        refused = second.wait_for("ERROR")
        if refused["status"] != 26 or "name" not in refused["text"]:
            raise replay.Different(f"a name in use is answered with {refused}")
        first.end()
        for _ in range(replay.WAIT_SECONDS * 10):
            second.say(hello["p1.2"])
            if second.wait_for("WELCOME", "ERROR").get("epoch"):
                return
            time.sleep(0.1)
        raise replay.Different("the name is free and the second node was not welcomed")
    except replay.Different:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()


def heard_by_broker(build, clock, scene):
    p = Programs(build)
    learned, open_now = replay.Learned(), {}
    try:
        broker = p.broker(scene.broker, p.path("state"), (clock, scene.wall))
        for number, name, message in scene.steps:
            try:
                if name is None:
                    p.end(broker)
                    broker = p.broker(scene.broker, p.path("state"), (clock, scene.wall))
                elif message is None:
                    open_now.pop(name).end()
                else:
                    if name not in open_now:
                        open_now[name] = replay.Connection(zmtp.dial(p.endpoint), learned)
                    (open_now[name].say if message.way == "up" else open_now[name].hear)(message)
            except (replay.Different, zmtp.Closed) as fault:
                raise where(scene, number, name, repr(fault)) from fault
    except replay.Different:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()


def play_broker(scene, name, listener, before_hearing):
    """Answers one program as the broker did."""
    listener.settimeout(20)
    near, _ = listener.accept()
    c = replay.Connection(zmtp.Stream(near, b"ROUTER"), replay.Learned())
    for number, connection, message in scene.steps:
        if connection != name or message is None:
            continue
        try:
            if message.way == "down":
                c.say(message)
            else:
                before_hearing(message)
                c.hear(message)
        except (replay.Different, zmtp.Closed) as fault:
            raise where(scene, number, name, repr(fault)) from fault
    return c


def result_in(scene, name):
    """The bytes that the broker delivered on a connection."""
    messages = [m for _, connection, m in scene.steps if connection == name and m and m.way == "down"]
    inline = [m.payload for m in messages if m.type == "DELIVER" and m.payload is not None]
    return inline[0] if inline else b"".join(m.payload for m in messages if m.type == "CHUNK")


def check_output(p, scene, name, words):
    if words[:2] not in (["task", "wait"], ["task", "fetch"]) or not result_in(scene, name):
        return
    with open(p.path(words[-1]), "rb") as f:
        if f.read() != result_in(scene, name):
            raise where(scene, 0, name, "the result was written with other bytes")


def as_now(words):
    """queue purge removed everything and did not ask: today's words for that. The messages are the recorded ones."""
    asks = words[:2] == ["queue", "purge"] and "--dry-run" not in words
    return words + ["--yes", "--results"] if asks else words


def command_with_old_broker(p, scene, name):
    status, words = scene.runs[name]
    words = as_now(words)
    listener, endpoint = zmtp.listener()
    process = p.start_cli(words + ["--name", name.split(".")[0]], endpoint)
    c = play_broker(scene, name, listener, lambda message: None)
    if process.wait(20) != status:
        raise where(scene, 0, name, f"exit {process.returncode} instead of {status}: {' '.join(words)}")
    p.running.remove(process)
    c.stream.close()
    listener.close()
    check_output(p, scene, name, words)


def node_with_old_broker(p, scene, name, options):
    listener, endpoint = zmtp.listener()
    node = p.node(name.split(".")[0], ["--queue", "echo:echo", *shlex.split(options)], endpoint)

    def told_to_end(message):
        if message.type == "DRAIN" or (message.type == "RELEASE" and message.body["reason"] == "drain"):
            node.send_signal(signal.SIGTERM)

    play_broker(scene, name, listener, told_to_end).end()
    p.end(node)
    listener.close()


def library_with_old_broker(p, scene):
    """A caller that proves its tasks itself."""
    listener, endpoint = zmtp.listener()
    caller = p.start("caller.log", [os.environ["PV_CLAIM_CALLER"], endpoint])
    play_broker(scene, "local.1", listener, lambda message: None)
    if caller.wait(20):
        raise where(scene, 0, "local.1", f"exit {caller.returncode}")
    p.running.remove(caller)
    listener.close()


def programs_with_old_broker(build, scenes):
    p = Programs(build)
    try:
        shutil.copy(os.path.join(SCENES, "..", "..", "chain-5", "witness.wtns"), p.path("witness.wtns"))
        for scene in scenes.values():
            for name in scene.runs:
                command_with_old_broker(p, scene, name)
        for which, name, options in NODES:
            node_with_old_broker(p, scenes[which], name, options)
        library_with_old_broker(p, scenes["claim"])
    except BaseException:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()


def main():
    build, clock = os.environ["PV_BUILD"], os.environ["PV_PAST_CLOCK"]
    paths = sorted(glob.glob(os.path.join(SCENES, "*.txt")))
    scenes = {os.path.basename(path)[:-4]: Scene(path) for path in paths}
    assert scenes, "no scene"
    if sys.argv[1] == "broker":
        name_in_use(build, clock, scenes.pop("superseded"))
        for scene in scenes.values():
            heard_by_broker(build, clock, scene)
    else:
        programs_with_old_broker(build, scenes)


main()
