#!/usr/bin/env python3
"""What week_check.judge makes of runs that are flat and of such that are not."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import week_check


COUNTS = {"what": "counts", "lost": 0, **{what: 1 for what in week_check.HAPPENS}}


def run(minutes=12, lost=0, **grows):
    """A run of samples each two seconds, in two lives of two minutes and a long one. grows: what a value gains a minute; of memory and descriptors a restart takes it back."""
    def at(s, what="sample"):
        life = min(s // 120, 2)
        row = {"what": what, "s": s, "rss_kib": 40000 + s * 37 % 900, "descriptors": 130 + s % 3, "disk_kib": 30000 + s * 91 % 20000,
               "accept_p50_us": 900, "accept_p99_us": 5000, "end_p50_us": 30000, "end_p99_us": 90000, "waits": 300, "load": 1, "restarts": life,
               "accepted": s * 180, "cpu_ms": (s - life * 120) * 180}
        since = {key: s - life * 120 if key in ("rss_kib", "descriptors") else s for key in row}
        return {k: v + grows[k] * since[k] / 60 if k in grows else v for k, v in row.items()}

    return [at(s) for s in range(0, minutes * 60, 2)] + [at(0, "quiet"), at(0, "empty"), dict(COUNTS, lost=lost)]


class Week(unittest.TestCase):
    def wrong(self, rows, words):
        found = week_check.judge(rows)
        self.assertTrue(any(words in text for text in found), found)

    def test_a_flat_run_is_well(self):
        self.assertEqual(week_check.judge(run()), [])

    def test_a_leak_of_one_record_a_task_is_seen(self):
        self.wrong(run(rss_kib=232 * 10800 / 1024), "memory, KiB a minute")

    def test_a_descriptor_left_open_each_minute_is_seen(self):
        self.wrong(run(descriptors=1), "descriptors a minute")

    def test_a_folder_that_grows_is_seen(self):
        self.wrong(run(disk_kib=4000), "disk, KiB")

    def test_a_broker_that_grows_slow_is_seen(self):
        self.wrong(run(accept_p50_us=2000), "accept_p50_us")

    def test_a_task_that_costs_more_and_more_is_seen(self):
        rows = run()
        for r in rows:
            if r.get("restarts") == 2:
                r["cpu_ms"] *= 1 + r["cpu_ms"] / 86400
        self.wrong(rows, "processor us a task")

    def test_a_short_run_has_no_slopes_but_an_end(self):
        rows = run(rss_kib=5000)
        self.assertEqual(week_check.judge(rows, short=True), [])
        rows[-1] = dict(rows[-1], lost=1)
        self.assertEqual(len(week_check.judge(rows, short=True)), 1)

    def test_what_never_happened_is_said(self):
        rows = run()
        rows[-1] = dict(rows[-1], purges=0)
        self.wrong(rows, "purges: not once")

    def test_a_lost_task_is_seen(self):
        self.wrong(run(lost=1), "never ended")

    def test_what_stays_when_all_is_over_is_seen(self):
        rows = run()
        rows[-2] = dict(rows[-2], descriptors=400, disk_kib=200000)
        self.assertEqual(len(week_check.judge(rows)), 2)

    def test_half_a_run_is_none(self):
        self.wrong(run()[:100], "did not come to its end")


if __name__ == "__main__":
    unittest.main()
