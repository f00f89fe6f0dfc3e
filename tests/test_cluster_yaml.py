"""The cluster file that ships with the project, checked without a cloud.

Ray's own validation knows the keys of the file but looks neither into `node_config` nor into `provider`, and passes
start commands that start no autoscaler. The rules below look there. Broken copies prove that each check can fail, and
for our rules also that Ray alone would have accepted the copy.
"""

import copy
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

pytestmark = pytest.mark.ray

Config = dict[str, Any]

CHECKOUT = Path(__file__).resolve().parent.parent
TEXT = (CHECKOUT / "cluster.yaml").read_text(encoding="utf-8")
SHIPPED: Config = yaml.safe_load(TEXT)

PROVIDER_KEYS = {
    "type",
    "region",
    "availability_zone",
    "cache_stopped_nodes",
    "use_internal_ips",
    "security_group",
    "key_pair",
    "aws_credentials",
    "cloudwatch",
}
NEVER_MOUNTED = {".git", ".venv", "runs"}


def checked_by_ray(config: Config) -> Config:
    """The file as `ray up` completes it with defaults; raises if Ray refuses it."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: Config = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def worker_types(config: Config) -> Config:
    return {name: node for name, node in config["available_node_types"].items() if name != config["head_node_type"]}


def provider_complaints(config: Config) -> Iterator[str]:
    provider = config["provider"]
    for key in sorted(provider.keys() - PROVIDER_KEYS):
        yield f"provider: unknown key {key}"
    for zone in provider["availability_zone"].split(","):
        if not re.fullmatch(re.escape(provider["region"]) + "[a-z]", zone.strip()):
            yield f"provider: zone {zone} is not in region {provider['region']}"
    if provider.get("cache_stopped_nodes", True):
        yield "provider: cache_stopped_nodes must be false, spot machines cannot be stopped"


def head_complaints(config: Config) -> Iterator[str]:
    head = config["available_node_types"][config["head_node_type"]]
    if "InstanceMarketOptions" in head["node_config"]:
        yield "head: must be on demand"
    if head["resources"].get("CPU") != 0:
        yield "head: without CPU: 0 trials are placed on it"
    if head["max_workers"] != 0:
        yield "head: max_workers must be 0, or workers of the head's type are started"


def worker_complaints(config: Config) -> Iterator[str]:
    workers = worker_types(config)
    if len(workers) != 1:
        yield f"workers: Ray tries one worker type only, found {sorted(workers)}"
    for name, node in workers.items():
        resources, profile = node["resources"], node["node_config"].get("IamInstanceProfile", {})
        if resources and min(resources.get("CPU", 0), resources.get("GPU", 0)) < 1:
            yield f"{name}: declared resources hold no CPU and GPU for a trial; leave them empty"
        if not node["min_workers"] <= node["max_workers"] <= config["max_workers"]:
            yield f"{name}: min_workers <= max_workers <= the cluster's max_workers does not hold"
        if len(profile.keys() & {"Name", "Arn"}) != 1:
            yield f"{name}: needs an instance profile to reach the store"


def market_complaints(config: Config) -> Iterator[str]:
    for name, node in worker_types(config).items():
        market = node["node_config"].get("InstanceMarketOptions")
        if market is None:
            continue
        spot = market.get("SpotOptions", {})
        if market.get("MarketType") != "spot":
            yield f"{name}: MarketType must be spot"
        if spot.get("SpotInstanceType", "one-time") != "one-time":
            yield f"{name}: spot requests must be one-time, Ray asks again by itself"
        if spot.get("InstanceInterruptionBehavior", "terminate") != "terminate":
            yield f"{name}: a reclaimed machine must be terminated"


def image_complaints(config: Config) -> Iterator[str]:
    for name, node in config["available_node_types"].items():
        image = node["node_config"].get("ImageId", "")
        if not re.fullmatch(r"ami-[0-9a-f]{8,17}|resolve:ssm:/aws/service/[\w./-]+/ami-id", image):
            yield f"{name}: ImageId is neither an AMI nor a public parameter (Ray's default image is too old)"


def start_complaints(config: Config) -> Iterator[str]:
    head, worker = (config[f"{kind}_start_ray_commands"][-1] for kind in ("head", "worker"))
    if "--autoscaling-config=~/ray_bootstrap_config.yaml" not in head:
        yield "head_start_ray_commands: without --autoscaling-config no worker is ever started"
    if re.findall(r"--port=(\d+)", head) != re.findall(r"--address=\$RAY_HEAD_IP:(\d+)", worker):
        yield "start commands: head and workers name different ports"
    for kind, command in (("head", head), ("worker", worker)):
        if not command.startswith("ulimit -n 65536; ray start "):
            yield f"{kind}_start_ray_commands: no ulimit -n before ray start"


def authentication_complaints(config: Config) -> Iterator[str]:
    for kind in ("head", "worker"):
        modes = set(re.findall(r"RAY_AUTH_MODE=(\w+)", " ".join(config[f"{kind}_setup_commands"])))
        if modes not in ({"token"}, {"disabled"}):
            yield f"{kind}: RAY_AUTH_MODE must be token or disabled, found {sorted(modes)}"
        token = f"/home/{config['auth']['ssh_user']}/.ray/auth_token"
        if modes == {"token"} and token not in config["file_mounts"]:
            yield f"{kind}: token authentication without the token at {token}"


def mount_complaints(config: Config) -> Iterator[str]:
    for source in config["file_mounts"].values():
        if source.startswith("~"):
            continue
        path = (CHECKOUT / source).resolve()
        if not path.is_relative_to(CHECKOUT) or path == CHECKOUT:
            yield f"file_mounts: {source} is not a part of the checkout"
        elif NEVER_MOUNTED & set(path.relative_to(CHECKOUT).parts):
            yield f"file_mounts: {source} does not belong on a node"
    missing = NEVER_MOUNTED - {pattern.strip("/") for pattern in config["rsync_exclude"]}
    if missing:
        yield f"rsync_exclude: lacks {sorted(missing)}"


RULES = (
    provider_complaints,
    head_complaints,
    worker_complaints,
    market_complaints,
    image_complaints,
    start_complaints,
    authentication_complaints,
    mount_complaints,
)


def complaints(config: Config) -> list[str]:
    """What is wrong with a file that Ray has accepted and completed."""
    return [complaint for rule in RULES for complaint in rule(config)]


@pytest.fixture(scope="module")
def run_instances() -> Any:
    """EC2's own description of the call that starts a machine, as shipped with botocore."""
    session = pytest.importorskip("botocore.session").Session()
    return session.get_service_model("ec2").operation_model("RunInstances").input_shape


def unknown_values(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Strings below `value` that EC2's description does not list; botocore itself checks names and types only."""
    if shape.type_name == "structure":
        for name in value.keys() & shape.members.keys():
            yield from unknown_values(shape.members[name], value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for item in value:
            yield from unknown_values(shape.member, item, path)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}: {value}"


def ec2_complaints(config: Config, shape: Any) -> list[str]:
    """What EC2 would not understand in the node types; `SubnetIds` is Ray's own name for alternatives."""
    from botocore.validate import ParamValidator

    found = []
    for name, node in config["available_node_types"].items():
        request = {key: value for key, value in node["node_config"].items() if key != "SubnetIds"}
        report = ParamValidator().validate({**request, "MinCount": 1, "MaxCount": 1}, shape)
        if report.has_errors():
            found.append(f"{name}: {report.generate_report()}")
        else:
            found += [f"{name}{complaint}" for complaint in unknown_values(shape, request)]
    return found


def changed(path: tuple[str, ...], value: Any) -> Config:
    """The shipped file with one place set to `value`, or removed where that is None."""
    config = copy.deepcopy(SHIPPED)
    place = config
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return config


HEAD, GPU = ("available_node_types", "head"), ("available_node_types", "gpu")
EC2 = (*GPU, "node_config")
SPOT = (*EC2, "InstanceMarketOptions")
DISK = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 200, "VolumeType": "gp3"}}
SECOND_TYPE = SHIPPED["available_node_types"]["gpu"] | {"max_workers": 2}

REFUSED_BY_RAY = [
    (("idle_timeout_minuts",), 5, "'idle_timeout_minuts' was unexpected"),
    (("head_node_type",), "haed", "must be one of `available_node_types`"),
    (HEAD, None, "must be one of `available_node_types`"),
    (("max_workers",), "8", "not of type 'integer'"),
    ((*GPU, "min_workers"), 9, "smaller than the sum of `min_workers`"),
    ((*GPU, "min_worker"), 1, "'min_worker' was unexpected"),
    ((*GPU, "resources", "GPU"), 0.5, "not of type 'integer'"),
    (EC2, None, "'node_config' is a required property"),
    (("auth", "ssh_usr"), "ubuntu", "'ssh_usr' was unexpected"),
    (("rsync_exclude",), ".git", "not of type 'array'"),
]

REFUSED_BY_RULES = [
    (("provider", "availabilty_zone"), "us-west-2a", "unknown key availabilty_zone"),
    (("provider", "region"), "eu-west-1", "is not in region eu-west-1"),
    (("provider", "cache_stopped_nodes"), None, "cache_stopped_nodes"),
    ((*HEAD, "resources"), {}, "trials are placed on it"),
    ((*HEAD, "max_workers"), 2, "workers of the head's type"),
    ((*HEAD, "node_config", "InstanceMarketOptions"), {"MarketType": "spot"}, "must be on demand"),
    ((*GPU, "resources"), {"CPU": 8}, "no CPU and GPU for a trial"),
    ((*GPU, "max_workers"), 9, "does not hold"),
    (("available_node_types", "fallback"), SECOND_TYPE, "one worker type only"),
    ((*EC2, "IamInstanceProfile"), None, "needs an instance profile"),
    ((*EC2, "ImageId"), None, "neither an AMI nor a public parameter"),
    ((*EC2, "ImageId"), "ami-TODO", "neither an AMI nor a public parameter"),
    ((*SPOT, "MarketType"), "sport", "MarketType must be spot"),
    ((*SPOT, "SpotOptions", "SpotInstanceType"), "persistent", "must be one-time"),
    ((*SPOT, "SpotOptions", "InstanceInterruptionBehavior"), "stop", "must be terminated"),
    (("head_start_ray_commands",), ["ulimit -n 65536; ray start --head --port=6379"], "no worker is ever started"),
    (("worker_start_ray_commands",), ["ulimit -n 65536; ray start --address=$RAY_HEAD_IP:6380"], "different ports"),
    (("worker_start_ray_commands",), ["ray start --address=$RAY_HEAD_IP:6379"], "no ulimit"),
    (("setup_commands",), ["pip install stilts_ray"], "RAY_AUTH_MODE must be token or disabled"),
    (("file_mounts", "/home/ubuntu/.ray/auth_token"), None, "without the token"),
    (("file_mounts", "/home/ubuntu/stilts"), ".", "is not a part of the checkout"),
    (("file_mounts", "/home/ubuntu/stilts"), "..", "is not a part of the checkout"),
    (("file_mounts", "/home/ubuntu/runs"), "./runs", "does not belong on a node"),
    (("rsync_exclude",), [".git", "/runs"], "lacks ['.venv']"),
]

REFUSED_BY_EC2 = [
    ((*EC2, "InstanceTyp"), "g5.2xlarge", 'Unknown parameter in input: "InstanceTyp"'),
    ((*EC2, "InstanceType"), "g99.huge", "gpu.InstanceType: g99.huge"),
    ((*SPOT, "MarketTyp"), "spot", 'Unknown parameter in InstanceMarketOptions: "MarketTyp"'),
    ((*SPOT, "MarketType"), "sport", "gpu.InstanceMarketOptions.MarketType: sport"),
    ((*EC2, "BlockDeviceMappings"), [DISK | {"Esb": {}}], 'Unknown parameter in BlockDeviceMappings[0]: "Esb"'),
    ((*EC2, "BlockDeviceMappings"), [DISK | {"Ebs": {"VolumeSize": "200"}}], "VolumeSize, value: 200, type: <class"),
    ((*EC2, "BlockDeviceMappings"), [DISK | {"Ebs": {"VolumeType": "gp33"}}], "Ebs.VolumeType: gp33"),
]


def names(table: list[tuple[tuple[str, ...], Any, str]]) -> list[str]:
    """Test names: last key and new value, as far as it is a short one."""
    return [f"{Path(path[-1]).name}={value if isinstance(value, str | int) else '...'}" for path, value, _ in table]


def test_ray_accepts_the_shipped_file() -> None:
    prepared = checked_by_ray(SHIPPED)
    assert prepared["head_setup_commands"][: len(SHIPPED["setup_commands"])] == SHIPPED["setup_commands"]


@pytest.mark.parametrize("path, value, reason", REFUSED_BY_RAY, ids=names(REFUSED_BY_RAY))
def test_ray_refuses_a_broken_copy(path: tuple[str, ...], value: Any, reason: str) -> None:
    with pytest.raises((jsonschema.ValidationError, ValueError), match=re.escape(reason)):
        checked_by_ray(changed(path, value))


def test_rules_accept_the_shipped_file() -> None:
    assert complaints(checked_by_ray(SHIPPED)) == []


@pytest.mark.parametrize("path, value, reason", REFUSED_BY_RULES, ids=names(REFUSED_BY_RULES))
def test_rules_refuse_a_broken_copy_that_ray_accepts(path: tuple[str, ...], value: Any, reason: str) -> None:
    found = complaints(checked_by_ray(changed(path, value)))
    assert found
    assert all(reason in complaint for complaint in found)


def test_ec2_understands_the_shipped_file(run_instances: Any) -> None:
    assert ec2_complaints(checked_by_ray(SHIPPED), run_instances) == []


@pytest.mark.parametrize("path, value, reason", REFUSED_BY_EC2, ids=names(REFUSED_BY_EC2))
def test_ec2_refuses_a_broken_copy_that_ray_accepts(
    path: tuple[str, ...], value: Any, reason: str, run_instances: Any
) -> None:
    (complaint,) = ec2_complaints(checked_by_ray(changed(path, value)), run_instances)
    assert reason in complaint


def test_workers_are_spot_machines_from_zero() -> None:
    (gpu,) = worker_types(SHIPPED).values()
    assert gpu["min_workers"] == 0
    assert gpu["max_workers"] == SHIPPED["max_workers"]
    assert gpu["node_config"]["InstanceMarketOptions"]["MarketType"] == "spot"


def project() -> Config:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def test_versions_agree_with_the_project() -> None:
    import ray

    metadata = project()["project"]
    (wanted,) = (r for r in map(Requirement, metadata["dependencies"]) if r.name == "ray")
    pins = [Requirement(pin) for pin in re.findall(r'"(ray\[[\w,]+\]==[\d.]+)"', TEXT)]
    (version,) = {str(pin.specifier).removeprefix("==") for pin in pins}
    assert version in wanted.specifier
    assert version.split(".")[:2] == ray.__version__.split(".")[:2]
    assert all("default" in pin.extras for pin in pins)

    (python,) = set(re.findall(r"--python ([\d.]+)", TEXT))
    assert python in SpecifierSet(metadata["requires-python"])


def test_nodes_get_what_the_installation_needs() -> None:
    """Every mounted path exists, and below the folder given to pip lies all that pyproject.toml refers to."""
    mounts = SHIPPED["file_mounts"]
    (install,) = (command for command in SHIPPED["setup_commands"] if "pip install" in command)
    folder, extras = re.search(r'"(/home/ubuntu/\w+)\[([\w,]+)\]"', install).groups()
    assert extras in project()["project"]["optional-dependencies"]

    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    parts = ["pyproject.toml", project()["project"]["readme"], *wheel["only-include"]]
    local = {target: source for target, source in mounts.items() if not source.startswith("~")}
    assert local == {f"{folder}/{part}": f"./{part}" for part in parts}
    assert [source for source in local.values() if not (CHECKOUT / source).exists()] == []


def test_commands_are_shell() -> None:
    prepared = checked_by_ray(SHIPPED)
    keys = ("initialization_commands", "head_setup_commands", "worker_setup_commands")
    keys += ("head_start_ray_commands", "worker_start_ray_commands")
    for command in {command for key in keys for command in prepared[key]}:
        done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_repeated_setup_leaves_each_setting_once(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for command in 2 * [c for c in checked_by_ray(SHIPPED)["head_setup_commands"] if "~/.bashrc" in c]:
        subprocess.run(["bash", "-c", command], env=environment, check=True)
    lines = (tmp_path / ".bashrc").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 3

    show = 'source ~/.bashrc; echo "$RAY_AUTH_MODE $TUNE_MAX_PENDING_TRIALS_PG ${PATH%%:*}"'
    shown = subprocess.run(["bash", "-c", show], env=environment, check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["token", str(SHIPPED["max_workers"]), f"{tmp_path}/venv/bin"]


def test_policies_in_the_comments_are_json_for_the_roles_in_use() -> None:
    comments = "\n".join(line.removeprefix("#") for line in TEXT.splitlines() if line.startswith("#"))
    policies = [json.loads(policy) for policy in re.findall(r"-document '(.*?)'", comments, flags=re.DOTALL)]
    actions = {str(statement["Action"]) for policy in policies for statement in policy["Statement"]}
    assert actions >= {"sts:AssumeRole", "iam:PassRole", "ssm:GetParameters"}
    assert any("s3:PutObject" in action for action in actions)
    profile = SHIPPED["available_node_types"]["gpu"]["node_config"]["IamInstanceProfile"]["Name"]
    assert f"create-instance-profile --instance-profile-name {profile}\n" in comments
