"""Linux namespaces as docker-compose's services: each has its own network, host name, files and volumes.

The whole program runs inside namespaces of its own (enter()), with a process tree that ends with it:
whatever happens to a drill, the kernel takes everything back. All addresses are private to them.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

CLONE_NEWUTS, CLONE_NEWNET = 0x04000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
INSIDE = "REDAN_COMPOSE_INSIDE"
SUBNET = "10.89.7"  # Exists only inside the namespaces.

_libc = ctypes.CDLL("libc.so.6", use_errno=True)


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, kind=None, flags=0, data=None):
    _check(_libc.mount(*(None if part is None else str(part).encode() for part in (source, target, kind)),
                       ctypes.c_ulong(flags), None if data is None else data.encode()))


def enter():
    """Runs this program again inside fresh namespaces, as root there; returns only inside."""
    if os.environ.get(INSIDE):
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount("tmpfs", "/run", "tmpfs")
        Path("/run/netns").mkdir()
        run("ip", "link", "set", "lo", "up")
        return
    for tool in ("unshare", "ip", "nft"):
        if not shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            raise SystemExit(f"{tool} is missing: install util-linux, iproute2 and nftables (tests/run.sh does)")
    rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvpe("unshare", ["unshare", *rootless, "--mount", "--net", "--pid", "--uts", "--ipc", "--fork",
                           "--kill-child", "--mount-proc", sys.executable, *sys.argv],
               {**os.environ, INSIDE: "1",
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout.strip()}")
    return done.stdout


class Network:
    """A bridge, the hosts on it, and who may not speak to whom."""

    def __init__(self):
        self.hosts = {}  # name -> (address, port of the bridge)
        run("ip", "link", "add", "redan0", "type", "bridge")
        run("ip", "addr", "add", f"{SUBNET}.1/24", "dev", "redan0")
        run("ip", "link", "set", "redan0", "up")
        run("nft", "-f", "-", input="add table bridge redan\n"
            "add chain bridge redan forward { type filter hook forward priority 0; }\n")

    def add(self, name):
        number = len(self.hosts) + 2
        port, address = f"v{number}", f"{SUBNET}.{number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", port, "master", "redan0", "up")
        inside = ["ip", "-n", name]
        run(*inside, "addr", "add", f"{address}/24", "dev", "eth0")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
        self.hosts[name] = (address, port)
        return address

    def readdress(self, addresses):
        """Gives hosts other addresses, by name, as containers get that are made again."""
        for name in addresses:
            run("ip", "-n", name, "addr", "flush", "dev", "eth0", "scope", "global")
        for name, address in addresses.items():
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            self.hosts[name] = (address, self.hosts[name][1])
        # Nobody may go on with the hardware address that an address had before: neither those that keep theirs, nor
        # we, who are on the same network.
        run("ip", "neigh", "flush", "all")
        for name in self.hosts:
            run("ip", "-n", name, "neigh", "flush", "all")

    def address(self, name):
        return self.hosts[name][0]

    def name_of(self, address):
        return next((name for name, (own, _) in self.hosts.items() if own == address), address)

    def cut(self, senders, receivers, both_ways=True):
        """Drops what senders send to receivers, and the other direction too."""
        pairs = [(a, b) for a in senders for b in receivers if a != b]
        if both_ways:
            pairs += [(b, a) for a, b in pairs]
        rules = [f'add rule bridge redan forward iifname "{self.hosts[a][1]}" oifname "{self.hosts[b][1]}" drop'
                 for a, b in pairs]
        run("nft", "-f", "-", input="\n".join(rules) + "\n")

    def heal(self):
        run("nft", "flush", "chain", "bridge", "redan", "forward")

    def hosts_file(self):
        return "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n"
                                                 for name, (address, _) in self.hosts.items())


class Container:
    """A root of its own over the machine's /usr, and the process that runs in it."""

    def __init__(self, network, folder, name, command, environment=None, binds=(), hostname=None):
        self.network, self.name, self.command = network, name, command
        self.hostname = hostname or name
        self.root = Path(folder) / "roots" / name
        self.log_path = Path(folder) / f"{name}.log"
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp",
                            **(environment or {})}
        self.popen = None
        self._build_root(binds)

    def _build_root(self, binds):
        self.root.mkdir(parents=True)
        mount("tmpfs", self.root, "tmpfs")
        for folder in ("usr", "etc", "proc", "dev", "tmp", "var/tmp", "run"):
            (self.root / folder).mkdir(parents=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            (self.root / link).symlink_to(f"usr/{link}")
        os.chmod(self.root / "tmp", 0o1777)
        for folder in ("/usr", "/proc", "/dev"):
            mount(folder, self.root / folder[1:], None, MS_BIND | MS_REC)
        if Path("/etc/alternatives").is_dir():  # Where Debian's awk is a link to.
            binds = [*binds, ("/etc/alternatives", "/etc/alternatives")]
        for source, target in binds:
            place = self.root / target.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            mount(source, place, None, MS_BIND)
        for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime"):
            if Path("/etc", name).exists():
                shutil.copy(f"/etc/{name}", self.root / "etc" / name)
        (self.root / "etc/hostname").write_text(self.hostname + "\n")

    def _enter(self):
        """In the child, before exec: the network, the host name and the files of this container."""
        descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        _check(_libc.setns(descriptor, CLONE_NEWNET))
        os.close(descriptor)
        _check(_libc.unshare(CLONE_NEWUTS))
        _check(_libc.sethostname(self.hostname.encode(), len(self.hostname)))
        os.chroot(self.root)
        os.chdir("/")
        os.setsid()

    def write_hosts(self):
        (self.root / "etc/hosts").write_text(self.network.hosts_file())

    def start(self):
        self.write_hosts()
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=subprocess.STDOUT, preexec_fn=self._enter)

    def spawn(self, command):
        """A command beside the container's own, as docker exec; what it prints is for who asked."""
        self.write_hosts()
        return subprocess.Popen(list(map(str, command)), env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=self._enter)

    def run(self, command, timeout=10):
        """The same to its end; its exit code."""
        process = self.spawn(command)
        try:
            process.communicate(timeout=timeout)
            return process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return -1

    @property
    def address(self):
        return self.network.address(self.name)

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        os.killpg(self.popen.pid, number)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        self.popen.wait(20)

    def log_tail(self, lines=20):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
