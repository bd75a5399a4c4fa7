"""Machines for a test: sets of namespaces with an sshd each, on a network whose links are cut and slowed.

Needs root, iproute2, util-linux and OpenSSH's server. No port is open outside of the namespaces and no file
of the system is changed. All of it lives in processes known by their ids, which end with the test's own.
Who logs in to a machine is a user without rights, with a home of his own; its sshd alone is root's.
"""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import alive, wait_until

SSHD = "/usr/sbin/sshd"
TOOLS = ("ip", "unshare", "nsenter", "setpriv", "taskset", "mount", "ssh", "ssh-keygen")
SLOW = Path(__file__).parent / "slow_wire.py"
USER = "ann"
UID = 2017
HOME = Path("/run/home")
"""The user's home, as the machine sees it."""
PATIENCE_S = 60.0
PASSWD = """{user}:*:{uid}:{uid}::{home}:/bin/sh
root:*:0:0::/:/bin/sh
sshd:*:102:65534::/run/sshd:/usr/sbin/nologin
"""
SHADOW = "{user}:*:19000:0:99999:7:::\n"
BOOT = """
set -e
hostname "$1"
for name in passwd shadow; do mount --bind "$2/$name" "/etc/$name"; done
mount --bind "$2/boot_id" /proc/sys/kernel/random/boot_id
mount -t tmpfs -o size=1m,mode=755 none /run
mkdir /run/sshd /run/home
mount --bind "$2/home" /run/home
touch /run/authorized_keys
mount --bind "$2/authorized_keys" /run/authorized_keys
ip link set lo up
{opened}
exec /usr/sbin/sshd -D -e -f "$2/sshd_config"
"""
SSHD_CONFIG = """
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {keys}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
StrictModes no
MaxStartups 10:30:100
Subsystem sftp internal-sftp
"""
SSH_CONFIG = """
Host *
  User {user}
  IdentityFile {folder}/key
  IdentityAgent none
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  KexAlgorithms curve25519-sha256
"""


def lacks_sshd() -> str:
    """What this machine lacks to log in to itself; empty if nothing."""
    return _absent(("ssh", "ssh-keygen"))


def lacks() -> str:
    """What this machine lacks for such a network; empty if nothing."""
    if os.geteuid():
        return "needs root"
    if absent := _absent(TOOLS):
        return absent
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return f"no namespaces here: {tried.stderr.decode().strip()}" if tried.returncode else ""


def _absent(tools: Sequence[str]) -> str:
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if not Path(SSHD).exists():
        absent.append("sshd (openssh-server)")
    return f"needs {', '.join(absent)}" if absent else ""


def make_key(file: Path) -> str:
    """Make a key pair; returns the public part."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)], check=True)
    return " ".join(file.with_suffix(".pub").read_text().split()[:2])


def prepare_home(home: Path, number: int = 0) -> None:
    """Put this checkout where a push would put its environment; a machine has one core, and its own locks."""
    cores = sorted(os.sched_getaffinity(0))
    serve = home / ".deeprl" / "serve"
    serve.parent.mkdir(parents=True, exist_ok=True)
    words = 'export DEEPRL_LOCK_DIR="$HOME/locks" DEEPRL_KERNEL=torch'  # torch: runs that last
    if elsewhere := os.environ.get("PYTHONPATH"):
        words += f" PYTHONPATH={shlex.quote(elsewhere)}"
    core = cores[number % len(cores)]
    start = f"exec taskset -c {core} {shlex.quote(sys.executable)} -m deeprl_tui serve"
    serve.write_text(f"#!/bin/sh\n{words}\n{start}\n")
    serve.chmod(0o755)


class Machine:
    """A machine of the network; it can crash, boot again, and lose its link."""

    def __init__(self, network: "Network", name: str, number: int) -> None:
        self.name = name
        self.address = f"10.77.0.{10 + number}"
        self.home = network.folder / name / "home"
        self.folder = network.folder / name
        self._network = network
        self._port, self._mac = f"v{number}", f"02:00:00:00:00:{number:02x}"
        self._boots = 0
        self._slow: list[subprocess.Popen[bytes]] = []
        self.home.mkdir(parents=True)
        os.chown(self.home, UID, UID)
        self.host_key = make_key(self.folder / "host_key")
        keys = self.folder / "authorized_keys"
        keys.write_text(network.key + "\n")
        (self.folder / "passwd").write_text(PASSWD.format(user=USER, uid=UID, home=HOME))
        (self.folder / "shadow").write_text(SHADOW.format(user=USER))
        config = SSHD_CONFIG.format(folder=self.folder, keys="/run/authorized_keys")
        (self.folder / "sshd_config").write_text(config)

    def boot(self) -> None:
        """Switch on."""
        self._boots += 1
        (self.folder / "boot_id").write_text(f"{self.name}-boot-{self._boots}\n")
        words = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
        with open(self.folder / "sshd.log", "ab") as log:
            self._process = subprocess.Popen(
                [*TIED, *words, "sh", "-c", BOOT.format(opened=_opened()), "sh", self.name, str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid
        network = self._network
        wait_until(lambda: _has_own(self.pid, "net"), PATIENCE_S, f"{self.name} to have a network")
        ends = ["type", "veth", "peer", "eth0", "address", self._mac, "netns", str(self.pid)]
        network.switch_ip("link", "add", self._port, *ends)
        network.switch_ip("link", "set", self._port, "master", "br0", "up")
        inside = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "ip"]
        subprocess.run([*inside, "addr", "add", f"{self.address}/24", "dev", "eth0"], check=True)
        subprocess.run([*inside, "link", "set", "eth0", "up"], check=True)
        wait_until(self._listens, PATIENCE_S, f"sshd of {self.name}")

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.folder / "sshd.log").read_text()
        with contextlib.suppress(OSError):
            return ":0016 00000000:0000 0A" in Path(f"/proc/{self.pid}/net/tcp").read_text()
        return False

    def crash(self) -> None:
        """Switch off in an instant: all of its processes are gone, its network too."""
        for relay in self._slow:
            relay.kill()
            relay.wait()
        self._slow.clear()
        inside = self.processes()
        self._process.kill()
        self._process.wait()
        wait_until(lambda: not any(map(alive, inside)), PATIENCE_S, f"{self.name} to be off")
        for port in (self._port, f"n{self._port}"):  # the kernel takes its time to remove them
            subprocess.run([*self._network.in_switch, "ip", "link", "del", port], capture_output=True)

    def cut(self) -> None:
        """Let no packet through; nobody is told."""
        self._network.switch_ip("link", "set", self._port, "down")

    def mend(self) -> None:
        """Let packets through again."""
        self._network.switch_ip("link", "set", self._port, "up")

    def sent(self) -> int:
        """Bytes that have left the machine since it was switched on."""
        for line in Path(f"/proc/{self.pid}/net/dev").read_text().splitlines():
            if line.strip().startswith("eth0:"):
                return int(line.partition(":")[2].split()[8])
        raise AssertionError("no network")

    def slow(self, seconds: float, loss: float) -> None:
        """Let each packet take so long in each direction, and lose this share of them."""
        near, far = f"n{self._port}", f"f{self._port}"
        ip = self._network.switch_ip
        ip("link", "add", near, "type", "veth", "peer", far)
        ip("link", "set", self._port, "nomaster")
        ip("link", "set", near, "master", "br0", "up")
        ip("link", "set", far, "up")
        words = [*TIED, *self._network.in_switch, sys.executable, "-S", str(SLOW)]
        relay = subprocess.Popen([*words, far, self._port, str(seconds), str(loss)], stdout=subprocess.PIPE)
        assert relay.stdout is not None
        assert relay.stdout.readline() == b"ready\n"
        self._slow.append(relay)

    def processes(self) -> dict[int, list[str]]:
        """The processes that live on the machine: their pids here, with their words."""
        own = Path(f"/proc/{self.pid}/ns/pid_for_children").stat().st_ino
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "ns/pid").stat().st_ino == own:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace")
                    found[int(entry.name)] = words.rstrip("\0").split("\0")
        return found

    def signal(self, word: str, number: signal.Signals) -> int:
        """Send a signal to the machine's processes that have this word; returns how many."""
        pids = [pid for pid, words in self.processes().items() if word in words]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(pids)

    def mount_small(self, folder: Path, size: str) -> Path:
        """Mount a small disk of the user's in his home; returns where the test sees it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.give()
        inside = HOME / folder.relative_to(self.home)
        owner = f"uid={UID},gid={UID},mode=755"
        self.mount("-t", "tmpfs", "-o", f"size={size},{owner}", "none", str(inside))
        return Path(f"/proc/{self.init()}/root{inside}")

    def mount(self, *words: str) -> None:
        """Run mount on the machine."""
        subprocess.run(["nsenter", f"--mount=/proc/{self.init()}/ns/mnt", "mount", *words], check=True)

    def init(self) -> int:
        """The pid here of the machine's first process."""
        (found,) = (pid for pid in self.processes() if _is_init(pid))
        return found

    def give(self, place: Path | None = None) -> None:
        """Let all that a test put into the user's home, or to another place, be his."""
        for folder, _, files in os.walk(place or self.home):
            for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118
                os.chown(path, UID, UID, follow_symlinks=False)

    def close(self) -> None:
        """Switch off for good."""
        if self._boots and self._process.poll() is None:
            self.crash()


class Network:
    """A laptop and machines, joined by a switch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key = make_key(folder / "key")
        self.machines: dict[str, Machine] = {}
        self._switch, self._laptop = self._namespace(), self._namespace()
        self.in_switch = ["nsenter", f"--net=/proc/{self._switch.pid}/ns/net"]
        self.in_laptop = ["nsenter", f"--net=/proc/{self._laptop.pid}/ns/net"]
        self.switch_ip("link", "add", "br0", "type", "bridge")
        self.switch_ip("link", "set", "br0", "up")
        pid = str(self._laptop.pid)
        self.switch_ip("link", "add", "lap", "type", "veth", "peer", "eth0", "netns", pid)
        self.switch_ip("link", "set", "lap", "master", "br0", "up")
        subprocess.run([*self.in_laptop, "ip", "addr", "add", "10.77.0.1/24", "dev", "eth0"], check=True)
        subprocess.run([*self.in_laptop, "ip", "link", "set", "eth0", "up"], check=True)
        (folder / "ssh_config").write_text("")
        (folder / "known_hosts").write_text("")

    def _namespace(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*TIED, "unshare", "--net", "sleep", "infinity"])
        wait_until(lambda: _has_own(process.pid, "net"), PATIENCE_S, "a network namespace")
        return process

    def switch_ip(self, *words: str) -> None:
        """Run ip in the switch."""
        subprocess.run([*self.in_switch, "ip", *words], check=True)

    def machine(self, name: str) -> Machine:
        """Add a machine, switch it on, and let ssh know its key."""
        made = Machine(self, name, len(self.machines) + 1)
        self.machines[name] = made
        made.boot()
        self.write_config()
        return made

    def write_config(self) -> None:
        """Tell ssh the machines' addresses and keys."""
        known, config = [], []
        for name, machine in self.machines.items():
            known.append(f"{name} {machine.host_key}\n")
            config.append(f"Host {name}\n  HostName {machine.address}\n  HostKeyAlias {name}\n")
        (self.folder / "known_hosts").write_text("".join(known))
        common = SSH_CONFIG.format(user=USER, folder=self.folder)
        (self.folder / "ssh_config").write_text("".join(config) + common)

    @property
    def ssh(self) -> str:
        """For $DEEPRL_SSH: the client, on the laptop."""
        return shlex.join([*self.in_laptop, "ssh", "-F", str(self.folder / "ssh_config")])

    def close(self) -> None:
        """End everything."""
        for machine in self.machines.values():
            machine.close()
        for process in (self._laptop, self._switch):
            process.kill()
            process.wait()


class Loopback:
    """An sshd of one's own on 127.0.0.1, without root; whoever logs in finds himself in a folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it. environment: what its programs get, beside what sshd gives them."""
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        keys = folder / "authorized_keys"
        keys.write_text(make_key(folder / "key") + "\n")
        self.host_key = make_key(folder / "host_key")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        home = shlex.quote(str(self.home))
        given = " ".join(f'"{name}={value}"' for name, value in (environment or {}).items())
        force = f'cd {home} && HOME={home} exec sh -c "$SSH_ORIGINAL_COMMAND"'
        own = f"Port {self.port}\nListenAddress 127.0.0.1\nForceCommand {force}\n"
        own += f"SetEnv {given}\n" if given else ""
        (folder / "sshd_config").write_text(own + SSHD_CONFIG.format(folder=folder, keys=keys))
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        here = f"Host me\n  HostName 127.0.0.1\n  Port {self.port}\n"
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        (folder / "ssh_config").write_text(here + SSH_CONFIG.format(user=user, folder=folder))
        if not os.geteuid():
            Path("/run/sshd").mkdir(exist_ok=True)  # only asked for from root
        self._start()

    def _start(self) -> None:
        with open(self.folder / "sshd.log", "ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stdout=log, stderr=log
            )
        wait_until(self._listens, PATIENCE_S, "sshd")

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.folder / "sshd.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def ssh(self) -> str:
        """For $DEEPRL_SSH."""
        return shlex.join(["ssh", "-F", str(self.folder / "ssh_config")])

    def forget_key(self) -> None:
        """Let ssh know no key of this machine."""
        (self.folder / "known_hosts").write_text("")

    def change_key(self) -> None:
        """Let ssh know another key of this machine."""
        other = make_key(self.folder / "other_key")
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {other}\n")

    def close(self) -> None:
        """End it; connections end with their clients."""
        self._process.terminate()
        self._process.wait()


TIED = ("setpriv", "--pdeathsig", "KILL")
"""Before a program's words: it ends with the test's process, whatever ends that."""


def _has_own(pid: int, kind: str) -> bool:
    with contextlib.suppress(OSError):
        own, ours = (Path(f"/proc/{who}/ns/{kind}").stat().st_ino for who in (pid, "self"))
        return own != ours
    return False


def _opened() -> str:
    """Lines of a shell that let users run this Python and this checkout, where only root may enter."""
    hidden: dict[Path, Path] = {}
    for needed in {Path(place).resolve() for place in (sys.prefix, sys.base_prefix, SLOW.parents[1])}:
        for folder in reversed(needed.parents):
            if not folder.stat().st_mode & 0o001:
                hidden[needed] = folder
                break
    kept = [(shlex.quote(str(path)), f"/run/kept-{number}") for number, path in enumerate(hidden)]
    lines = [f"mkdir {place} && mount --bind {path} {place}" for path, place in kept]
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(path))}" for path in set(hidden.values())]
    lines += [f"mkdir -p {path} && mount --bind {place} {path}" for path, place in kept]
    return "\n".join(lines)


def _is_init(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it ended at this moment
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return line.split()[-1] == "1"
    return False
