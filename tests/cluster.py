"""A real Slurm on this machine: munged, slurmctld and two slurmd in a temporary folder, ended with the test."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from reid_lib.core.paths import project_root
from reid_lib.pipeline.launch import find_free_port

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
CONF = """
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ctld}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=30
MinJobAge=3600
SchedulerParameters=sched_interval=2,bf_interval=5,batch_sched_delay=1
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs=8 RealMemory=60000 Gres=gpu:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs=8 RealMemory=60000 Gres=gpu:2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=9 PreemptMode=OFF
"""
GRES = "NodeName=n[1-2] Name=gpu File=/dev/null\nNodeName=n[1-2] Name=gpu File=/dev/zero\n"


def slurm_installed() -> bool:
    """Is everything here that a cluster on one machine needs?"""
    return os.geteuid() == 0 and all(_find(name) for name in DAEMONS)


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class Cluster:
    """Started daemons, and what a user of them types.

    Args:
        folder: of configuration, state, logs.
        env: of submitted jobs, besides this process's own.
    """

    def __init__(self, folder: Path, env: dict[str, str]):
        self.folder, self.daemons = folder, []
        # A user's shell, not that of an earlier job.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        self.env = kept | {"SLURM_CONF": str(folder / "slurm.conf")} | env
        self._configure()

    def _configure(self) -> None:
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        ports = dict(zip(("ctld", "n1", "n2"), _free_ports(3), strict=True))
        text = CONF.format(folder=self.folder, host=socket.gethostname().split(".")[0], **ports)
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text(GRES)

    def start(self) -> None:
        munge = [f"--{what}={self.folder / name}" for what, name in (
            ("key-file", "munge.key"), ("socket", "munge.socket"), ("pid-file", "munge.pid"),
            ("log-file", "munge.log"), ("seed-file", "munge.seed"))]  # fmt: skip
        self._spawn("munged", "--foreground", "--force", *munge)
        self._until(lambda: (self.folder / "munge.socket").exists(), "munged")
        self._spawn("slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            self._spawn("slurmd", "-D", "-c", "-N", node)
        self._until(lambda: self.run("sinfo", "-h", "-o", "%T", check=False).stdout.split() == ["idle"], "the nodes")

    def _spawn(self, name: str, *arguments: str) -> None:
        log = open(self.folder / f"{name}-{len(self.daemons)}.out", "w")
        command = [_find(name), *arguments]
        self.daemons.append(
            subprocess.Popen(command, env=self.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        )

    def _until(self, ready, what: str, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                logs = "\n".join(f"{p.name}:\n{p.read_text()[-1500:]}" for p in sorted(self.folder.glob("*.[ol]*")))
                raise RuntimeError(f"{what} did not start:\n{logs}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End the jobs, then the daemons; nothing that was started is left."""
        if len(self.daemons) > 1:
            self.run("scancel", "--user", "root", check=False)
            end = time.monotonic() + 40
            while time.monotonic() < end and self.run("squeue", "-h", check=False).stdout.strip():
                time.sleep(0.5)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)

    def run(self, *command: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess:
        where = cwd or project_root()
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, cwd=where, timeout=180)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done

    def submit(self, *arguments: str, cwd: Path | None = None) -> str:
        """sbatch, as a user types it; the job's number."""
        said = self.run("sbatch", *arguments, cwd=cwd).stdout
        return re.search(r"Submitted batch job (\d+)", said).group(1)

    def show(self, job: str) -> dict[str, str]:
        """What scontrol says of a job."""
        text = self.run("scontrol", "show", "job", "--oneliner", job).stdout
        return dict(part.split("=", 1) for part in text.split("\n")[0].split() if "=" in part)

    def state(self, job: str) -> str:
        return self.show(job)["JobState"]

    def wait(self, job: str, seconds: float = 240) -> str:
        """Until the job is over; its state."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.state(job)
            if state not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED"):
                return state
            time.sleep(1)
        raise RuntimeError(f"job {job} is {self.state(job)} after {seconds} s: {self.show(job)}")


def _free_ports(n: int) -> set[int]:
    ports: set[int] = set()
    while len(ports) < n:
        ports.add(find_free_port())
    return ports
