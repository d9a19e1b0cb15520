"""The machine that is measured on: its CPUs, what processes use of it, and the line that says all this under a table."""
import datetime
import os
import platform
import re
import resource
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPUS, LOAD_CPUS = CPUS[:1], CPUS[1:2] or CPUS  # one each
FILES_WANTED = 65536


def description():
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return (f"{model.group(1) if model else platform.machine()}, {len(CPUS)} CPUs, Linux {platform.release()}, "
            f"{datetime.datetime.now():%Y-%m-%d %H:%M}" + (f", commit {commit}" if commit else ""))


def allow_many_files():
    """For us and all that we start: ten thousand connections need as many descriptors on both sides. Returns how many there may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if most == resource.RLIM_INFINITY else max(most, FILES_WANTED)
    for limit in ((FILES_WANTED, wanted), (min(most, FILES_WANTED), most)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return limit[0]
        except ValueError:  # only a privileged process may raise the maximum
            pass


def family(pid):
    """A process and all below it."""
    found = [pid]
    for parent in found:  # grows meanwhile
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            pass
    return found


def cpu_ns(pids):
    return sum(int((task / "schedstat").read_text().split()[0]) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())


def memory(pids):
    """Octets in user space that these processes take, pages shared among processes divided between them (PSS)."""
    text = "".join(Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return 1024 * sum(int(kib) for kib in re.findall(r"^Pss:\s+(\d+) kB", text, re.M))
