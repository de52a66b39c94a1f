"""The files for operators and contributors promise what the code does, and go on promising it."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

from bot.cli import _build_parser
from bot.settings import Settings
from bot.worker import Timeouts

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "bot" / "operations"
GENEROUS = 10.0
"""Seconds within which a stopped bot has ended (tests/resilience/test_shutdown.py)."""


def image() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile's last stage, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    every = [(line.split()[0], line.split(None, 1)[1]) for line in text.splitlines() if line]
    last = max(at for at, (word, _) in enumerate(every) if word == "FROM")
    return every[last:]


def values(word: str) -> list[str]:
    return [value for each, value in image() if each == word]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in values("ENV") for pair in shlex.split(line))


def service() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def unit() -> list[tuple[str, str]]:
    lines = (OPERATIONS / "extend-bot.service").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
    return [(name, value) for name, value in pairs]


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_the_image_has_no_root_one_volume_and_a_clean_end() -> None:
    """The image's user is a number other than 0, its one volume is where the bot writes, and signals reach the bot."""
    (user,), (volume,), (entry,) = values("USER"), values("VOLUME"), values("ENTRYPOINT")
    assert int(user) > 0
    assert [word for word, _ in image()].index("USER") > max(
        at for at, (word, _) in enumerate(image()) if word == "RUN"
    )
    assert json.loads(entry) == ["python", "-m", "bot"]
    assert environment()["DATA_DIR"] == volume
    assert environment()["DATABASE_URL"].startswith(f"sqlite+aiosqlite:///{volume}/")
    assert f"-o bot -m 700 {volume}" in " ".join(values("RUN"))
    known = {name.upper() for name in Settings.model_fields} | {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert environment().keys() <= known


def test_the_image_asks_for_its_health_where_it_is_served() -> None:
    """The health check is a module that exists, without a shell or curl; its port is set, to this machine alone."""
    (check,) = values("HEALTHCHECK")
    assert json.loads(check.split("CMD", 1)[1]) == ["python", "-m", "bot.health"]
    assert (ROOT / "bot" / "health" / "__main__.py").is_file()
    assert environment()["HTTP_PORT"].isdecimal()
    assert "HTTP_HOST" not in environment()


def test_the_build_gets_what_it_copies() -> None:
    """Every file that the Dockerfile copies is there, and .dockerignore lets it through; nothing else."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == names
    assert all((ROOT / name).exists() for name in names)


def test_the_compose_file_needs_two_secrets_and_nothing_else() -> None:
    """Read-only, no capabilities, one volume, time for a clean end; the secrets come from files kept out of git."""
    bot = service()["services"]["bot"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert bot["volumes"] == [f"{name}:{values('VOLUME')[0]}" for name in service()["volumes"]]
    assert seconds(bot["stop_grace_period"]) > GENEROUS > Timeouts().shutdown
    required = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    assert set(bot["environment"]) == {f"{name}_FILE" for name in required}
    assert set(bot["environment"].values()) == {f"/run/secrets/{name}" for name in service()["secrets"]}
    kept_out = (ROOT / ".gitignore").read_text().split()
    assert {Path(each["file"]).name for each in service()["secrets"].values()} <= set(kept_out)
    assert "env_file" not in bot
    assert "${" not in (ROOT / "compose.yaml").read_text()


def test_the_cluster_has_two_gateways_and_two_workers() -> None:
    """Its commands and settings exist, its gateways hold every shard once, and all are as hardened as the one bot."""
    made: dict[str, Any] = yaml.safe_load((OPERATIONS / "cluster.yaml").read_text())
    bots = {name: each for name, each in made["services"].items() if name != "postgres"}
    parsed = [_build_parser().parse_args(each["command"]) for each in bots.values()]
    held = [each.shards for each in parsed if each.command == "gateway"]
    assert sorted(shard for shards in held for shard in shards.held) == list(range(held[0].count))
    assert [each["deploy"]["replicas"] for each in bots.values() if each["command"] == ["worker"]] == [2]
    alone = service()["services"]["bot"]
    for each in bots.values():
        for name in ("read_only", "cap_drop", "security_opt", "stop_grace_period", "volumes", "tmpfs"):
            assert each[name] == alone[name]
        assert {name.removesuffix("_FILE") for name in each["environment"]} <= {
            it.upper() for it in Settings.model_fields
        }
        assert {f"/run/secrets/{name}" for name in each["secrets"]} == set(filter(None, each["environment"].values()))
    kept_out = (ROOT / ".gitignore").read_text().split()
    assert {Path(each["file"]).name for each in made["secrets"].values()} <= set(kept_out)


def test_the_unit_is_hardened_and_knows_the_settings() -> None:
    """The systemd unit names settings that exist, gives the bot time to end, and takes away what it does not need."""
    pairs = unit()
    assert dict(pairs)["ExecStart"].endswith("python -m bot")
    assert float(dict(pairs)["TimeoutStopSec"]) > GENEROUS
    for taken in ("NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes", "CapabilityBoundingSet="):
        assert tuple(taken.split("=", 1)) in pairs
    named = {pair.split("=")[0] for name, line in pairs if name == "Environment" for pair in line.split()}
    known = {name.upper() for name in Settings.model_fields} | {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert {name.removesuffix("_FILE") for name in named} <= known


def test_operators_files_are_installed_with_the_bot() -> None:
    """The wheel contains dashboard, alerts and unit; OPERATING.md links each of them."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "bot" in built["packages"]
    guide = (ROOT / "OPERATING.md").read_text()
    for file in OPERATIONS.iterdir():
        assert f"(bot/operations/{file.name})" in guide


def test_each_dependency_has_its_reason() -> None:
    """CONTRIBUTING lists exactly pyproject's direct dependencies, with a reason each; constraints pin all of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    direct = {Requirement(each).name for each in [*project["dependencies"], *extras]} - {project["name"]}
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Dependencies", 1)[1]
    assert {name for name, reason in re.findall(r"^\| `([^`]+)` \| (\S.*) \|$", section, re.MULTILINE)} == direct
    pinned = {plain(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {plain(name) for name in direct} <= pinned
    for name in direct:
        for needed in distribution(name).requires or []:
            needs = Requirement(needed)
            if not needs.marker or needs.marker.evaluate({"extra": ""}):
                assert plain(needs.name) in pinned, f"{name} needs {needs.name}"


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_workflow_does_what_ci_does() -> None:
    """GitHub runs .ci/run itself, on each Python that the project promises, with the right to read and no more."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    job = workflow["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
