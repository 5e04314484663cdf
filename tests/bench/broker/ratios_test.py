#!/usr/bin/env python3
"""What ratios.py makes of lines."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ratios


def line(who, job, per_s, p99=1000, cpu=50):
    return {"bench": who, "job": job, "tasks_per_s": per_s, "p50_us": 500, "p99_us": p99, "cpu_us": cpu, "peak_kib": 2048}


class Ratios(unittest.TestCase):
    def test_medians_and_not_means(self):
        of = ratios.medians([line("broker", "1k", n) for n in (100, 110, 900)])
        self.assertEqual(of[("1k", "broker")]["tasks_per_s"], 110)

    def test_one_at_a_time_is_beside_the_quorum_queue(self):
        of = ratios.medians([line("broker", "one", 30), line("rabbit", "one", 90), line("rabbit-quorum", "one", 20)])
        self.assertEqual(ratios.ratios(of), "ratios to RabbitMQ: one 1.50x")

    def test_1k_has_its_tail_and_its_processor(self):
        of = ratios.medians([line("broker", "1k", 180), line("rabbit", "1k", 100, p99=2000, cpu=100), line("broker", "64k", 1)])
        self.assertEqual(ratios.ratios(of), "ratios to RabbitMQ: 1k 1.80x (p99 0.50, processor 0.50)")

    def test_the_table_has_a_row_for_each(self):
        rows = list(ratios.table(ratios.medians([line("nats", "64k", 7), line("broker", "1k", 9)])))
        self.assertEqual(rows[2:], ["| 1k | broker | 9 | 0.50 | 1.00 | 50 | 2 |", "| 64k | nats | 7 | 0.50 | 1.00 | 50 | 2 |"])


if __name__ == "__main__":
    unittest.main()
