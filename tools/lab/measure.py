# SPDX-License-Identifier: Apache-2.0
"""Measures commands side by side: wall time, CPU, peak memory, bytes written."""

import os
import pathlib
import statistics
import subprocess
import time


class Sample:
    """One measured run. Memory (MiB) is the largest of the processes'; bytes written are what they wrote to files."""

    def __init__(self, wall, cpu, peak, written):
        self.wall, self.cpu, self.peak, self.written = wall, cpu, peak, written


def watch_memory(pid):
    """Waits for a child's end without taking its counters away; the peak of its resident memory in KiB.

    Not ru_maxrss: that counts what this program held when it started the child.
    """
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]))
        time.sleep(0.005)
    return peak


def measure(commands, directory):
    """Runs commands one after the other and adds up; sync before, so that earlier writes do not count here."""
    subprocess.run(["sync"], check=True)
    wall = cpu = peak = 0
    written = 0
    for command in commands:
        started = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        peak = max(peak, watch_memory(process.pid))
        wall += time.monotonic() - started
        io = pathlib.Path(f"/proc/{process.pid}/io").read_text()
        written += int(next(line.split()[1] for line in io.splitlines() if line.startswith("wchar:")))
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{command}: {errors.decode()[-2000:]}")
        cpu += usage.ru_utime + usage.ru_stime
    return Sample(wall, cpu, peak / 1024, written)


def rounds(contenders, runs):
    """Interleaved, so that whatever else the machine does hits all alike; the first round is thrown away."""
    samples = {name: [] for name in contenders}
    for number in range(runs + 1):
        for name, run in contenders.items():
            sample = run()
            if number:
                samples[name].append(sample)
    return samples


class Report:
    """Prints tables, and at the end what was wanted beside what was measured."""

    def __init__(self):
        self.findings = []

    def table(self, title, samples, payload, disk=False):
        """The first of `samples` is what the others are compared with. `payload` in bytes."""
        first = next(iter(samples))
        print(
            f"\n{title}\n  {'':36}{'wall s':>20}{'ratio':>8}{'CPU s':>8}{'s/GiB':>7}"
            f"{'peak MB':>9}{'written' if disk else '':>9}",
            flush=True,
        )
        for name in samples:
            walls = sorted(s.wall for s in samples[name])
            spread = f"{self.median(samples, name, 'wall'):.2f} ({walls[0]:.2f}-{walls[-1]:.2f})"
            cpu = self.median(samples, name, "cpu")
            written = self.median(samples, name, "written") / payload
            ratio = self.median(samples, name, "wall") / self.median(samples, first, "wall")
            print(
                f"  {name:36}{spread:>20}{ratio:>7.1f}x{cpu:>8.2f}{cpu / (payload / 2**30):>7.2f}"
                f"{self.median(samples, name, 'peak'):>9.0f}" + (f"{written:>8.2f}x" if disk else ""),
                flush=True,
            )

    @staticmethod
    def median(samples, name, field):
        return statistics.median(getattr(s, field) for s in samples[name])

    def at_least(self, what, value, wanted, unit="x"):
        self.findings.append((value >= wanted, f"{what}: {value:.1f}{unit}, wanted at least {wanted:g}{unit}"))

    def at_most(self, what, value, wanted, unit="x"):
        self.findings.append((value <= wanted, f"{what}: {value:.2f}{unit}, wanted at most {wanted:g}{unit}"))

    def conclude(self):
        print("\nWhat was wanted")
        for met, text in self.findings:
            print(f"  {'met   ' if met else 'MISSED'}  {text}")
