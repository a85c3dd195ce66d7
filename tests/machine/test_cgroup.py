"""Limits are found as Linux shows them, on trees as Docker, Slurm and systemd lay them out."""

import math
from pathlib import Path

import pytest

from dqn_experiments.machine import cgroup

GIANT = 9223372036854771712  # version 1 for "none", on pages of 4096 bytes


class Machine:
    """A machine's /proc/self and the folders that its groups are mounted at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounts = ["23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
        (folder / "cgroup").write_text("")
        self._tell()

    def member(self, line: str) -> None:
        """A line of /proc/self/cgroup."""
        with (self.folder / "cgroup").open("a") as file:
            file.write(line + "\n")

    def mount(self, where: str, kind: str, options: str = "rw", root: str = "/") -> None:
        """A line of /proc/self/mountinfo."""
        point = self.folder / where
        point.mkdir(parents=True, exist_ok=True)
        shown = str(point).replace(" ", "\\040")
        line = f"{30 + len(self.mounts)} 23 0:26 {root} {shown} rw,nosuid shared:9 - "
        self.mounts.append(f"{line}{kind} {kind} {options}")
        self._tell()

    def _tell(self) -> None:
        (self.folder / "mountinfo").write_text("\n".join(self.mounts) + "\n")

    def group(self, where: str, **files: str | int) -> None:
        """Files of a group: memory_max is memory.max."""
        folder = self.folder / where
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            controller, _, rest = name.partition("_")
            (folder / f"{controller}.{rest}").write_text(f"{content}\n")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(cgroup, "PROC", tmp_path)
    return Machine(tmp_path)


def nothing_is_limited() -> bool:
    return (cgroup.memory_left(), cgroup.cpu_quota()) == (math.inf, math.inf)


@pytest.mark.parametrize("limited", ["", "/batch", "/batch/job"])
def test_version_2_the_limit_of_any_group_around_counts(machine: Machine, limited: str) -> None:
    machine.mount("sys", "cgroup2", "rw,nsdelegate")
    machine.member("0::/batch/job")
    for group in ("/batch", "/batch/job"):
        machine.group(f"sys{group}", memory_max="max", cpu_max="max 100000")
    machine.group(
        f"sys{limited}",
        memory_max=1_000_000,
        memory_current=400_000,
        memory_stat="anon 300000\nfile 200000\ninactive_file 100000\nactive_file 100000",
        cpu_max="150000 100000",
    )
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (700_000, 1.5)


def test_the_tightest_of_several_limits_counts(machine: Machine) -> None:
    machine.mount("sys", "cgroup2")
    machine.member("0::/batch/job")
    machine.group("sys/batch", memory_max=900, memory_current=800, cpu_max="400000 100000")
    machine.group("sys/batch/job", memory_max=500, memory_current=100, cpu_max="300000 50000")
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (100, 4)


@pytest.mark.parametrize("limited", ["/slurm/uid_1000", "/slurm/uid_1000/job_7/step_0"])
def test_version_1_has_a_hierarchy_for_each_controller(machine: Machine, limited: str) -> None:
    own = "/slurm/uid_1000/job_7/step_0"
    machine.mount("sys/cpuset", "cgroup", "rw,cpuset")
    machine.mount("sys/memory", "cgroup", "rw,memory")
    machine.mount("sys/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")
    for number, controllers in enumerate(["cpuset", "name=systemd", "memory", "cpuacct,cpu"]):
        machine.member(f"{number + 1}:{controllers}:{own}")
    for group in ("", "/slurm", "/slurm/uid_1000", own):
        machine.group(f"sys/memory{group}", memory_limit_in_bytes=GIANT, memory_usage_in_bytes=9)
        machine.group(f"sys/cpu,cpuacct{group}", cpu_cfs_quota_us=-1, cpu_cfs_period_us=100_000)
    assert cgroup.memory_left() >= GIANT - 10
    assert cgroup.cpu_quota() == math.inf
    machine.group(
        f"sys/memory{limited}",
        memory_limit_in_bytes=1_000_000,
        memory_usage_in_bytes=400_000,
        memory_stat="inactive_file 5\nhierarchical_memory_limit 5\ntotal_inactive_file 100000",
    )
    machine.group(f"sys/cpu,cpuacct{limited}", cpu_cfs_quota_us=250_000)
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (700_000, 2.5)


def test_both_versions_at_once(machine: Machine) -> None:
    """systemd's hybrid: version 2 is there to name groups, version 1 limits them."""
    machine.mount("sys/unified", "cgroup2", "rw,nsdelegate")
    machine.mount("sys/cpu", "cgroup", "rw,cpu")
    machine.mount("sys/memory", "cgroup", "rw,memory")
    for line in ("4:memory:/user/7", "2:cpu:/", "0::/user/7"):
        machine.member(line)
    machine.group("sys/unified/user/7")
    machine.group("sys/memory/user/7", memory_limit_in_bytes=500, memory_usage_in_bytes=100)
    machine.group("sys/cpu", cpu_cfs_quota_us=50_000, cpu_cfs_period_us=100_000)
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (400, 0.5)


@pytest.mark.parametrize(
    ("root", "member"),
    [
        ("/docker/1a2b", "/docker/1a2b"),  # the host's path of what is mounted
        ("/docker/1a2b", "/docker/1a2b/nested"),  # where there is no such folder
        ("/", "/docker/1a2b"),  # a path of the host's, and a mount that does not say so
        ("/", "/"),  # a namespace of its own
        ("/", "/../1a2b"),  # a process that was moved out of its namespace
        ("/../../..", "/"),  # a mount from outside of the namespace
        ("/docker/other", "/docker/1a2b"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_in_a_container_the_mount_is_its_own_group(
    machine: Machine, version: int, root: str, member: str
) -> None:
    for others in ("sys/1a2b", "sys/fs/docker"):  # a neighbour's, and containers of its own
        machine.group(others, memory_max=7, memory_limit_in_bytes=7)
    if version == 2:
        machine.mount("sys/fs", "cgroup2", root=root)
        machine.member(f"0::{member}")
        machine.group("sys/fs", memory_max=500, memory_current=100, cpu_max="100000 100000")
    else:
        machine.mount("sys/fs", "cgroup", "rw,cpu,memory", root=root)
        machine.member(f"3:cpu,memory:{member}")
        machine.group("sys/fs", memory_limit_in_bytes=500, memory_usage_in_bytes=100)
        machine.group("sys/fs", cpu_cfs_quota_us=100_000, cpu_cfs_period_us=100_000)
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (400, 1)


def test_a_group_made_inside_a_container_counts_with_the_containers(machine: Machine) -> None:
    machine.mount("sys/fs", "cgroup2", root="/docker/1a2b")
    machine.member("0::/docker/1a2b/inner")
    machine.group("sys/fs", memory_max=500, memory_current=100, cpu_max="100000 100000")
    machine.group("sys/fs/inner", memory_max=50, memory_current=10, cpu_max="max 100000")
    assert (cgroup.memory_left(), cgroup.cpu_quota()) == (40, 1)


def test_the_hosts_groups_mounted_beside_are_not_taken_for_ones_own(machine: Machine) -> None:
    machine.mount("host/sys", "cgroup2", root="/../..")
    machine.mount("sys", "cgroup2")
    machine.member("0::/")
    machine.group("host/sys", memory_max=10, memory_current=0)
    machine.group("sys", memory_max=500, memory_current=100)
    assert cgroup.memory_left() == 400


def test_more_in_use_than_allowed_leaves_nothing(machine: Machine) -> None:
    machine.mount("sys", "cgroup2")
    machine.member("0::/")
    machine.group("sys", memory_max=500, memory_current=600)
    assert cgroup.memory_left() == 0


def test_names_with_blanks_and_colons(machine: Machine) -> None:
    machine.mount("my groups", "cgroup2")
    machine.member("0::/a:b.slice:/c d")
    machine.group("my groups/a:b.slice:/c d", memory_max=500, memory_current=100)
    assert cgroup.memory_left() == 400


def test_a_limit_counts_where_use_cannot_be_read(machine: Machine) -> None:
    machine.mount("sys", "cgroup2")
    machine.member("0::/")
    machine.group("sys", memory_max=500, memory_stat="?", memory_current="?")
    assert cgroup.memory_left() == 500


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cgroup", b"\xff\xfe garbage \n:::\n0:\n\n"),
        ("mountinfo", b"\xff\xfe - cgroup2\n1 2 3 - - -\n\n"),
        ("sys/memory.max", b""),
        ("sys/memory.max", b"lots\n"),
        ("sys/cpu.max", b"\xff\n"),
        ("sys/cpu.max", b"100000\n"),
        ("sys/cpu.max", b"100000 0\n"),
        ("sys/cpu.max", b"0 100000\n"),
        ("sys/cpu.max", b"-1 100000\n"),
        ("sys/cpu.max", b"1 2 3\n"),
    ],
)
def test_garbage_limits_nothing(machine: Machine, name: str, content: bytes) -> None:
    machine.mount("sys", "cgroup2")
    machine.member("0::/")
    machine.group("sys", memory_max="max", cpu_max="max 100000")
    (machine.folder / name).write_bytes(content)
    assert nothing_is_limited()


def test_without_groups_nothing_is_limited(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nothing_is_limited()
    machine.member("0::/")  # and no mount
    assert nothing_is_limited()
    monkeypatch.setattr(cgroup, "PROC", machine.folder / "none")  # as on macOS and Windows
    assert nothing_is_limited()
