#!/usr/bin/env python3
"""The worker of pipeline_worker.c in Python: the same chain with the same ids, so that what one began the other may finish.

    pipeline_worker.py BROKER JOB FILE
"""
import asyncio
import hashlib
import os
import sys

import provost

INNERS = 16


def id_of(job: str, queue: str, data: bytes) -> str:
    """From what the task is, and from nothing else."""
    return hashlib.sha256(b"pipeline/1\0" + job.encode() + b"\0" + queue.encode() + b"\0" + data).hexdigest()[:32]


async def submit(client: provost.Client, job: str, queue: str, data: bytes, number: int) -> provost.Task:
    """New to the broker, or known from a run before: then it is attached to, whatever its state."""
    task = await client.submit(queue=queue, circuit="pipeline", witness=data, id=id_of(job, queue, data), group=job, manual_ack=True)
    print(queue, number, flush=True)
    return task


async def result(task: provost.Task, number: int) -> provost.Result:
    done = await task.result()
    print("result", number, flush=True)
    return done


async def chain(client: provost.Client, job: str) -> list[provost.Result]:
    inner = [await submit(client, job, "inner", f"{job} block {i}".encode(), i) for i in range(INNERS)]
    results = [await result(task, i) for i, task in enumerate(inner)]
    proofs = b"".join(r.bytes for r in results)
    results.append(await result(await submit(client, job, "keccak", proofs, 0), INNERS))
    results.append(await result(await submit(client, job, "outer", proofs + results[-1].bytes, 0), INNERS + 1))
    return results


def file_put(path: str, data: bytes) -> None:
    """Either the whole file is there, or nothing is."""
    with open(path + ".part", "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".part", path)


async def main(broker: str, job: str, path: str) -> None:
    async with provost.connect(broker, name="pipeline", insecure=True) as client:
        results = await chain(client, job)
        file_put(path, results[-1].bytes)
        print("written 0", flush=True)
        for r in results:  # only now may the broker drop what every step has given
            await client.ack(r)
        print("done 0", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: pipeline_worker.py BROKER JOB FILE")
    asyncio.run(main(*sys.argv[1:]))
