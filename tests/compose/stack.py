"""docker-compose.yml and deploy/Dockerfile, read and run on namespaces instead of a container engine.

Honoured of a service: command, entrypoint, environment, hostname, volumes, depends_on with its
conditions, healthcheck, profiles. The image is the build's bin folder plus what the Dockerfile copies
from deploy/. Published ports and build have no meaning here; any other word is refused, so that the
file cannot say something that is not tested.
"""

import json
import os
import re
import shutil
from pathlib import Path

import yaml

from containers import Container, Network
from harness import binaries
from harness.processes import eventually

KNOWN_WORDS = {"image", "build", "restart", "stop_grace_period", "networks", "hostname", "command", "entrypoint",
               "environment", "healthcheck", "volumes", "ports", "depends_on", "profiles"}


def seconds(text):
    amounts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(text))
    return sum(float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for number, unit in amounts)


def interpolate(text, environment):
    """${NAME}, ${NAME:-default} and $$, as compose has them."""
    def replace(match):
        if match[0] == "$$":
            return "$"
        value = environment.get(match[1], "")
        return value if value or match[2] is None else match[2]
    return re.sub(r"\$\$|\$\{(\w+)(?::-([^}]*))?\}", replace, text)


def interpolated(node, environment):
    if isinstance(node, str):
        return interpolate(node, environment)
    if isinstance(node, list):
        return [interpolated(item, environment) for item in node]
    if isinstance(node, dict):
        return {key: interpolated(value, environment) for key, value in node.items()}
    return node


def read_services(path, profile=None):
    """The services without a profile; of a profile, its own only, as `up` starts them by its last one's name."""
    document = interpolated(yaml.safe_load(Path(path).read_text()), dict(os.environ))
    chosen = {}
    for name, service in document["services"].items():
        unknown = set(service) - KNOWN_WORDS
        if unknown:
            raise SystemExit(f"{path}: service {name}: the namespace runner does not know {sorted(unknown)}")
        if profile in (service.get("profiles") or [None]):
            chosen[name] = service
    return chosen, document.get("volumes", {})


def read_dockerfile(path):
    """The last stage's entry point, command and the files it copies from the tree."""
    text = Path(path).read_text().replace("\\\n", " ")
    image = {"entrypoint": [], "command": [], "files": []}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image = {"entrypoint": [], "command": [], "files": []}
        elif word == "ENTRYPOINT":
            image["entrypoint"] = json.loads(rest)
        elif word == "CMD":
            image["command"] = json.loads(rest)
        elif word == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            if target.startswith("/usr/local/bin/"):
                image["files"].append((source, Path(target).name))
    return image


class Stack:
    def __init__(self, build=None, profile=None):
        self.build = build or binaries.subject()
        # The private /run is memory that nobody outside sees and that ends with the namespaces; roots of
        # containers, which have the machine's /usr mounted, must never lie where something deletes.
        self.folder = Path("/run/redan")
        self.folder.mkdir()
        self.network = Network()
        top = binaries.REPOSITORY
        self.services, self.volumes = read_services(top / "docker-compose.yml", profile)
        self.image = read_dockerfile(top / "deploy/Dockerfile")
        self.containers = {}
        self.outsiders = []
        self._make_image(top)
        for name in [*self.services, "client", "operator"]:
            self.network.add(name)
        for name, service in self.services.items():
            self.containers[name] = self._container(name, service)

    def _make_image(self, top):
        """/usr/local/bin of every container."""
        folder = self.folder / "image"
        folder.mkdir()
        for source, name in self.image["files"]:
            shutil.copy(top / source, folder / name)
            (folder / name).chmod(0o755)
        for name, program in (("redan-server", self.build.server), ("redan-sentinel", self.build.sentinel)):
            if self.build.is_stock:  # It decides by its own name what it is, so no link.
                (folder / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
                (folder / name).chmod(0o755)
            else:
                (folder / name).symlink_to(f"/opt/redan/bin/{program.name}")

        (folder / "clusterctl").symlink_to("/opt/redan/tools/clusterctl")

    def _binds(self):
        return [(self.folder / "image", "/usr/local/bin"), (self.build.server.resolve().parent, "/opt/redan/bin"),
                (binaries.clusterctl().resolve().parent, "/opt/redan/tools")]

    def _container(self, name, service):
        command = [*(service.get("entrypoint") or self.image["entrypoint"]),
                   *(service.get("command") or self.image["command"])]
        binds = self._binds()
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source not in self.volumes:
                raise SystemExit(f"service {name}: {source} is no volume of the file")
            folder = self.folder / "volumes" / source
            folder.mkdir(parents=True, exist_ok=True)
            binds.append((folder, target))
        environment = {key: str(value) for key, value in (service.get("environment") or {}).items()}
        return Container(self.network, self.folder, name, command, environment, binds,
                         service.get("hostname"))

    def client(self, command, name="client"):
        """A host that belongs to no service: where the load comes from, or an operator sits."""
        top = binaries.REPOSITORY
        one = Container(self.network, self.folder, name, command,
                        {"PYTHONDONTWRITEBYTECODE": "1", **{key: value for key, value in os.environ.items()
                                                            if key.startswith("REDAN_")}},
                        [*self._binds(), (top / "tests", "/tests"), (self.folder, "/out")])
        self.outsiders.append(one)
        return one

    def add(self, name, like):
        """One more container, made as a service of the file is."""
        self.volumes[name] = {}
        self.services[name] = {**self.services[like], "hostname": name, "volumes": [f"{name}:/data"]}
        self.network.add(name)
        self.containers[name] = self._container(name, self.services[name])
        self.write_hosts()
        self.containers[name].start()
        self.wait_healthy(name)

    def write_hosts(self):
        for container in [*self.containers.values(), *self.outsiders]:
            container.write_hosts()

    def is_job(self, name):
        """A service that is done when it has ended well."""
        return self.services[name].get("restart") == "no"

    def up(self):
        """Starts every service once what it depends on is started or healthy; jobs are run to their end."""
        waiting = dict(self.services)
        while waiting:
            ready = [name for name, service in waiting.items()
                     if all(other not in waiting for other in service.get("depends_on") or {})]
            if not ready:
                raise SystemExit(f"depends_on goes in a circle: {sorted(waiting)}")
            for name in ready:
                wanted = waiting.pop(name).get("depends_on") or {}
                conditions = wanted if isinstance(wanted, dict) else {}
                for other, how in conditions.items():
                    if how.get("condition") == "service_healthy":
                        self.wait_healthy(other)
                self.containers[name].start()
        for name in self.services:
            if self.is_job(name):
                self.wait_done(name)
            else:
                self.wait_healthy(name)

    def wait_done(self, name):
        container = self.containers[name]
        if container.popen.wait(60) != 0:
            raise SystemExit(f"{name} ended with {container.popen.returncode}:\n{container.log_tail()}")

    def wait_healthy(self, name):
        check = self.services[name]["healthcheck"]
        test = check["test"]
        command = test[1:] if test[0] == "CMD" else ["/bin/sh", "-c", test[-1]]
        limit = seconds(check.get("start_period", "0s")) + \
            seconds(check.get("interval", "30s")) * check.get("retries", 3) + 20

        def healthy():
            container = self.containers[name]
            if not container.running():
                raise SystemExit(f"{name} ended with {container.popen.returncode}:\n{container.log_tail()}")
            return container.run(command, seconds(check.get("timeout", "30s"))) == 0
        eventually(healthy, limit, f"{name} is healthy", pause=0.1)

    def log_tails(self, lines=12):
        return "\n".join(f"--- {name}\n{container.log_tail(lines)}"
                         for name, container in self.containers.items())
