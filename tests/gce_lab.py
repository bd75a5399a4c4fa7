"""A stand-in for the Compute Engine API on this machine, behind the real `gcloud` or in its place.

`Compute` is the state of a cloud: machines, quotas, zones without room, machines that are preempted. `serve`
speaks the part of its REST interface that gcloud uses; `Compute.gcloud` takes gcloud's arguments itself, for
tests that need no program. A `Backend` may make real machines: `up` returns an address and host keys.
"""

import contextlib
import email
import itertools
import json
import os
import re
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deeprl_tui.hosts.gce.client import Done
from deeprl_tui.hosts.gce.prices import vcpus_of

PROJECT = "lab-project"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
METRICS = ("CPUS", "T2D_CPUS", "PREEMPTIBLE_CPUS", "NVIDIA_T4_GPUS", "IN_USE_ADDRESSES")

Vm = dict[str, Any]


class ApiError(Exception):
    """An answer that refuses."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code, self.reason, self.message = code, reason, message
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """As Google spells it."""
        entry = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.code, "message": self.message, "errors": [entry]}}


class Backend:
    """What a machine is made of. This one makes none."""

    def up(self, vm: Vm) -> tuple[str, list[tuple[str, str]]]:
        """Start it; its address, and its host keys."""
        return f"10.9.0.{int(vm['id']) % 200 + 10}", [("ssh-ed25519", KEY[:-4] + vm["id"][-4:])]

    def down(self, vm: Vm, grace: float) -> None:
        """Stop it; grace: seconds that its programs have."""


@dataclass
class Compute:
    """A cloud."""

    backend: Backend = field(default_factory=Backend)
    zones: tuple[str, ...] = ("europe-west1-b", "europe-west1-c", "us-central1-a")
    limits: dict[tuple[str, str], float] = field(default_factory=dict)  # by region and metric
    out: set[str] = field(default_factory=set)  # zones without room
    broken: int = 0  # so many requests are answered with 503
    deletions: int | None = None  # so many are done, then each is answered with 503; None: all
    silent: bool = False  # machines do not publish their host keys
    base: str = "http://127.0.0.1/compute/v1"
    now: float | None = None
    vms: dict[str, Vm] = field(default_factory=dict)
    keys: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Sequence[str]] = field(default_factory=list)  # words of `gcloud`
    requests: list[str] = field(default_factory=list)  # lines of HTTP
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(4200000000000000001))

    # -- what happens in it ------------------------------------------------------------------------------

    def preempt(self, name: str, grace: float = 0.0) -> None:
        """Google takes a spot machine back."""
        with self.lock:
            self._stop(self.vms[name], grace)

    def usage(self, region: str, metric: str) -> float:
        """What a quota counts."""
        on = [vm for vm in self.vms.values() if vm["status"] == "RUNNING" and region in vm["zone"]]
        if metric == "IN_USE_ADDRESSES":
            return len(on)
        if metric == "NVIDIA_T4_GPUS":
            return sum(int(each["acceleratorCount"]) for vm in on for each in vm.get("guestAccelerators", []))
        t2d = metric == "T2D_CPUS"
        return sum(
            vcpus_of(_last(vm["machineType"])) or 0 for vm in on if ("t2d" in vm["machineType"]) == t2d
        )

    def insert(self, zone: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a machine; the operation. Raises ApiError."""
        name, kind = body["name"], _last(body["machineType"])
        if name in self.vms:
            raise ApiError(409, "alreadyExists", f"The resource '{self._link(zone, name)}' already exists")
        if zone not in self.zones or vcpus_of(kind) is None:
            raise ApiError(400, "invalid", f"Invalid value for field 'resource.machineType': '{kind}'")
        region = zone.rpartition("-")[0]
        cpus = "T2D_CPUS" if kind.startswith("t2d") else "CPUS"
        for metric, need in ((cpus, vcpus_of(kind) or 0), ("IN_USE_ADDRESSES", 1)):
            limit = self.limits.get((region, metric), 1000.0)
            if self.usage(region, metric) + need > limit:
                message = f"Quota '{metric}' exceeded.  Limit: {limit} in region {region}."
                raise ApiError(403, "quotaExceeded", message)
        vm = {
            **body,
            "kind": "compute#instance",
            "id": str(next(self.ids)),
            "creationTimestamp": self._stamp(),
            "zone": f"{self.base}/projects/{PROJECT}/zones/{zone}",
            "machineType": f"{self.base}/projects/{PROJECT}/zones/{zone}/machineTypes/{kind}",
            "status": "STAGING",
            "selfLink": f"{self.base}/{self._link(zone, name)}",
            "labelFingerprint": "42WmSpB8rSM=",
        }
        vm.setdefault("metadata", {})["fingerprint"] = "abc="
        if zone in self.out:
            return self._operation(zone, "insert", name, self._no_room(zone))
        self.vms[name] = vm
        self._start(vm)
        return self._operation(zone, "insert", name)

    def act(self, zone: str, name: str, what: str) -> dict[str, Any]:
        """Delete, start or stop a machine; the operation. Raises ApiError."""
        vm = self.vm(zone, name)
        if what == "delete" and self.deletions is not None:
            if not self.deletions:
                raise ApiError(503, "backendError", "Backend Error")
            self.deletions -= 1
        if what == "start" and zone in self.out:
            return self._operation(zone, what, name, self._no_room(zone))
        if what == "start" and vm["status"] != "RUNNING":
            self._start(vm)
        elif what in ("stop", "delete"):
            self._stop(vm, 0.0)
        if what == "delete":
            del self.vms[name]
        return self._operation(zone, what, name)

    def vm(self, zone: str, name: str) -> Vm:
        """A machine. Raises ApiError."""
        vm = self.vms.get(name)
        if vm is None or _last(vm["zone"]) != zone:
            raise ApiError(404, "notFound", f"The resource '{self._link(zone, name)}' was not found")
        return vm

    def listed(self, rule: str = "") -> list[Vm]:
        """Machines that fit a filter of labels."""
        return [vm for vm in self.vms.values() if _fits(rule, vm)]

    def guest(self, zone: str, name: str) -> dict[str, Any]:
        """The host keys that a machine published. Raises ApiError."""
        vm = self.vm(zone, name)
        if self.silent or vm["status"] != "RUNNING":
            raise ApiError(
                404, "notFound", "The resource 'hostkeys/' of type 'Guest Attribute' was not found."
            )
        items = [{"namespace": "hostkeys", "key": kind, "value": key} for kind, key in self.keys[name]]
        return {
            "kind": "compute#guestAttributes",
            "queryPath": "hostkeys/",
            "queryValue": {"items": items},
        }

    def region(self, name: str) -> dict[str, Any]:
        """A region with its quotas."""
        quotas = [
            {
                "metric": metric,
                "limit": self.limits.get((name, metric), 0.0 if metric.startswith("PRE") else 1000.0),
                "usage": float(self.usage(name, metric)),
            }
            for metric in METRICS
        ]
        return {"kind": "compute#region", "name": name, "status": "UP", "quotas": quotas}

    def _start(self, vm: Vm) -> None:
        address, keys = self.backend.up(vm)
        self.keys[vm["name"]] = keys
        outside = {"type": "ONE_TO_ONE_NAT", "name": "external-nat", "natIP": address}
        network = f"{self.base}/projects/{PROJECT}/global/networks/default"
        vm["networkInterfaces"] = [
            {"name": "nic0", "network": network, "networkIP": address, "accessConfigs": [outside]}
        ]
        vm["status"] = "RUNNING"
        vm["lastStartTimestamp"] = self._stamp()

    def _stop(self, vm: Vm, grace: float) -> None:
        if vm["status"] == "RUNNING":
            vm["status"] = "STOPPING"
            self.backend.down(vm, grace)
        vm["status"] = "TERMINATED"
        vm["lastStopTimestamp"] = self._stamp()

    def _no_room(self, zone: str) -> dict[str, Any]:
        message = (
            f"The zone 'projects/{PROJECT}/zones/{zone}' does not have enough resources available to fulfill "
            "the request.  Try a different zone, or try again later."
        )
        return {"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": message}

    def _operation(
        self, zone: str, what: str, name: str, error: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        operation = {
            "kind": "compute#operation",
            "id": str(next(self.ids)),
            "name": f"operation-{uuid.uuid4().hex[:16]}",
            "zone": f"{self.base}/projects/{PROJECT}/zones/{zone}",
            "operationType": what,
            "targetLink": f"{self.base}/{self._link(zone, name)}",
            "status": "DONE",
            "progress": 100,
            "insertTime": self._stamp(),
            "startTime": self._stamp(),
            "endTime": self._stamp(),
            "user": "lab",
        }
        if error is not None:
            operation |= {"error": {"errors": [error]}, "httpErrorStatusCode": 503}
        link = f"{self.base}/projects/{PROJECT}/zones/{zone}/operations/{operation['name']}"
        operation["selfLink"] = link
        self.operations[str(operation["name"])] = operation
        return operation

    @staticmethod
    def _link(zone: str, name: str) -> str:
        return f"projects/{PROJECT}/zones/{zone}/instances/{name}"

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.now or time.time(), UTC).isoformat(timespec="milliseconds")

    # -- in place of the program -------------------------------------------------------------------------

    def gcloud(self, words: Sequence[str], /) -> Done:
        """Do what gcloud does with these arguments."""
        with self.lock:
            self.calls.append(list(words))
            flags = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
            names = [word for word in words[1:] if not word.startswith("--")]
            if self.broken:
                self.broken -= 1
                if "list" in words:  # so the real one does
                    return Done(0, "[]", "WARNING: Some requests did not succeed.\n - Backend Error\n\n")
                return Done(1, "", "ERROR: (gcloud) HTTPError 503: Backend Error\n")
            return self._do(names[1:], flags)

    def _do(self, names: list[str], flags: dict[str, str]) -> Done:
        zone = flags.get("zone", "")
        match names:
            case ["instances", "list"]:
                return _done(self.listed(flags["filter"]))
            case ["regions", "describe", region]:
                return _done(self.region(region))
            case ["instances", "get-guest-attributes", name]:
                return self._all(
                    lambda name: self.guest(zone, name)["queryValue"]["items"], [name], flat=True
                )
            case ["instances", "create", *created]:
                return self._all(lambda name: self._created(zone, name, flags), created)
            case ["instances", "start" | "delete" as what, *chosen]:
                return self._all(lambda name: self._told(self.act(zone, name, what)), chosen)
        raise AssertionError(f"not a call that is used: {names}")

    def _created(self, zone: str, name: str, flags: dict[str, str]) -> Any:
        label, _, value = flags["labels"].partition("=")
        body: dict[str, Any] = {
            "name": name,
            "machineType": flags["machine-type"],
            "labels": {label: value},
            "scheduling": {"provisioningModel": flags.get("provisioning-model", "STANDARD")},
            "metadata": {"items": _metadata(flags)},
        }
        if gpu := flags.get("accelerator"):
            kind, count = re.fullmatch(r"type=([^,]+),count=(\d+)", gpu).groups()  # type: ignore[union-attr]
            body["guestAccelerators"] = [{"acceleratorType": f"x/{kind}", "acceleratorCount": int(count)}]
        self._told(self.insert(zone, body))
        return self.vms[name]

    @staticmethod
    def _told(operation: dict[str, Any]) -> Any:
        for error in operation.get("error", {}).get("errors", []):
            raise ApiError(503, error["code"], f"{error['code']}: {error['message']}")
        return {}

    @staticmethod
    def _all(do: Any, names: Sequence[str], flat: bool = False) -> Done:
        done, said = [], []
        for name in names:
            try:
                done.append(do(name))
            except ApiError as error:
                said.append(f" - {error.message}")
        text = "ERROR: (gcloud.compute) Could not fetch resource:\n" + "\n".join(said) + "\n" if said else ""
        return Done(1 if said else 0, json.dumps(done[0] if flat and done else done), text)


def _done(answer: Any) -> Done:
    return Done(0, json.dumps(answer), "")


def _metadata(flags: dict[str, str]) -> list[dict[str, str]]:
    pairs = dict(pair.split("=", 1) for pair in flags["metadata"].split(","))
    for pair in flags["metadata-from-file"].split(","):
        key, _, file = pair.partition("=")
        pairs[key] = Path(file).read_text()
    return [{"key": key, "value": value} for key, value in pairs.items()]


def _last(url: str) -> str:
    return url.rpartition("/")[2]


def _fits(rule: str, vm: Vm) -> bool:
    found = re.findall(r'labels\.([\w-]+)\s*(=|:|eq)\s*"?([\w*-]+)"?', rule)
    labels = vm.get("labels", {})
    return all(
        label in labels and (value == "*" or labels[label] == value) for label, _, value in found
    ) and all(re.fullmatch(name, vm["name"]) for name in re.findall(r'name\s*(?:=|eq)\s*"?([^")\s]+)', rule))


# -- the interface that the real gcloud speaks -----------------------------------------------------------

_AT = re.compile(r"/compute/v1/projects/(?P<project>[^/]+)(?:/(?P<rest>.*))?")


def answer(cloud: Compute, method: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
    """One request. Raises ApiError."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    match = _AT.fullmatch(urllib.parse.unquote(parts.path))
    if match is None:
        raise ApiError(404, "notFound", f"no such path: {parts.path}")
    if cloud.broken:
        cloud.broken -= 1
        raise ApiError(503, "backendError", "Backend Error")
    base = f"{cloud.base}/projects/{PROJECT}"
    match method, (match["rest"] or "").split("/"):
        case "GET", [""]:
            return {"name": PROJECT, "id": "1", "commonInstanceMetadata": {"kind": "compute#metadata"}}
        case "GET", ["zones"]:
            return {"items": [{"name": zone, "status": "UP"} for zone in cloud.zones]}
        case "GET", ["zones", zone]:
            region = f"{base}/regions/{zone.rpartition('-')[0]}"
            return {"name": zone, "status": "UP", "region": region, "selfLink": f"{base}/zones/{zone}"}
        case "GET", ["regions", region]:
            return cloud.region(region)
        case "GET", ["global", "images", "family", family]:
            link = f"{cloud.base}/projects/{match['project']}/global/images/{family}-v1"
            return {"name": f"{family}-v1", "family": family, "selfLink": link, "diskSizeGb": "10"}
        case "GET", ["zones", _, "machineTypes", kind]:
            return {"name": kind, "guestCpus": vcpus_of(kind), "memoryMb": 4096}
        case ("GET", ["zones", _, "operations", name]) | ("POST", ["zones", _, "operations", name, "wait"]):
            return cloud.operations[name]
        case _, rest:
            return _of_instances(cloud, f"{method} {'/'.join(rest)}", query.get("filter", ""), body)


def _of_instances(cloud: Compute, what: str, rule: str, body: dict[str, Any]) -> dict[str, Any]:
    match what.replace(" ", "/").split("/"):
        case ["POST", "zones", zone, "instances"]:
            return cloud.insert(zone, body)
        case ["GET", "zones", zone, "instances"]:
            return {
                "id": "x",
                "items": [vm for vm in cloud.listed(rule) if zone in vm["zone"]],
            }
        case ["GET", "aggregated", "instances"]:
            found = cloud.listed(rule)
            empty = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "none"}}
            return {
                "id": "x",
                "items": {
                    f"zones/{zone}": {"instances": here} if here else empty
                    for zone in cloud.zones
                    for here in [[vm for vm in found if _last(vm["zone"]) == zone]]
                },
            }
        case ["GET", "zones", zone, "instances", name]:
            return cloud.vm(zone, name)
        case ["GET", "zones", zone, "instances", name, "getGuestAttributes"]:
            return cloud.guest(zone, name)
        case ["POST", "zones", zone, "instances", name, ("start" | "stop") as what]:
            return cloud.act(zone, name, what)
        case ["DELETE", "zones", zone, "instances", name]:
            return cloud.act(zone, name, "delete")
    raise ApiError(404, "notFound", f"not a path that is used: {what}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: Compute

    def _serve(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/batch"):
            kind = self.headers["Content-Type"]
            return self._batch(kind, data)
        if self.path == "/gcloud":
            done = self.cloud.gcloud(json.loads(data))
            told = json.dumps({"code": done.code, "out": done.out, "said": done.said})
            return self._say(200, told.encode(), "application/json")
        code, said = self._one(self.command, self.path, data)
        return self._say(code, said, "application/json; charset=UTF-8")

    do_GET = do_POST = do_DELETE = _serve

    def _one(self, method: str, url: str, data: bytes) -> tuple[int, bytes]:
        with self.cloud.lock:
            self.cloud.requests.append(f"{method} {url}")
            try:
                return 200, json.dumps(answer(self.cloud, method, url, json.loads(data or b"{}"))).encode()
            except ApiError as error:
                return error.code, json.dumps(error.body()).encode()

    def _batch(self, kind: str, data: bytes) -> None:
        """Several requests in one, as gcloud sends them."""
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
        edge, out = f"batch_{uuid.uuid4().hex}", []
        for part in message.get_payload():
            head, _, body = str(part.get_payload()).replace("\r\n", "\n").partition("\n\n")  # type: ignore[union-attr]
            method, url, _ = head.split("\n")[0].split(" ", 2)
            code, said = self._one(method, url, body.encode())
            name = str(part["Content-ID"]).strip("<>")  # type: ignore[index]
            out.append(
                f"--{edge}\r\nContent-Type: application/http\r\nContent-ID: <response-{name}>\r\n\r\n"
                f"HTTP/1.1 {code} OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
                f"Content-Length: {len(said)}\r\n\r\n{said.decode()}\r\n"
            )
        text = "".join(out) + f"--{edge}--"
        self._say(200, text.encode(), f"multipart/mixed; boundary={edge}")

    def _say(self, code: int, data: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@contextlib.contextmanager
def serve(cloud: Compute) -> Iterator[int]:
    """Serve a cloud on a port of this machine."""
    handler = type("Handler", (_Handler,), {"cloud": cloud})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    port = int(server.server_address[1])
    cloud.base = f"http://127.0.0.1:{port}/compute/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(port: int, folder: Path) -> dict[str, str]:
    """Environment variables with which the real gcloud talks to a stand-in, and to nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "CLOUDSDK_CONFIG": str(folder),
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"http://127.0.0.1:{port}/compute/v1/",
    }


def stand_in(port: int, folder: Path) -> dict[str, str]:
    """The same for a `gcloud` that is a program of ours: it sends its arguments to the cloud."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "gcloud"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys, urllib.request\n"
        "data = json.dumps(sys.argv).encode()\n"
        f"told = json.load(urllib.request.urlopen('http://127.0.0.1:{port}/gcloud', data))\n"
        "sys.stdout.write(told['out'])\n"
        "sys.stderr.write(told['said'])\n"
        "sys.exit(told['code'])\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
