"""docker-compose.yml, the image and the web server: nothing runs as root, no secret is written down, logins stand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
COMPOSE = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
EXAMPLE = (PROJECT / "deploy" / ".env.example").read_text(encoding="utf-8")
NGINX = (PROJECT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
EDITIONS = ["internal", "bureau", "public"]

every_service = pytest.mark.parametrize("name", SERVICES)


def test_services():
    airflow = ["init", "api-server", "scheduler", "dag-processor", "triggerer"]
    assert list(SERVICES) == ["postgres", *airflow, "pages"]


@every_service
def test_service_runs_as_an_ordinary_user_without_privileges(name):
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode"} & set(service)
    assert not [volume for volume in service["volumes"] if "docker.sock" in volume]


@every_service
def test_service_is_watched(name):
    expected = {"disable": True} if name == "init" else {"test", "interval", "timeout", "retries"}
    assert expected in (SERVICES[name]["healthcheck"], set(SERVICES[name]["healthcheck"]) - {"start_period"})


@every_service
def test_image_has_a_fixed_version(name):
    assert not SERVICES[name]["image"].endswith(":latest")
    assert ":" in SERVICES[name]["image"]


def test_no_secret_is_written_down():
    values = [(key, value) for service in SERVICES.values() for key, value in service.get("environment", {}).items()]
    secret = [(key, value) for key, value in values if re.search(r"PASSWORD$|SECRET|_KEY$|_CONN$|_URL$", key)]
    assert len({key for key, _ in secret}) >= 8
    for key, value in secret:
        if key != "AIRFLOW__CORE__EXECUTION_API_SERVER_URL":
            assert re.search(r"\$\{\w+:\?[^}]+\}", value), key
    assert not re.search(r":[^$/@]+@", COMPOSE)  # a password in a database address


def test_every_setting_is_in_the_example_and_none_has_a_value():
    used = set(re.findall(r"\$\{(\w+)", COMPOSE))
    named = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, flags=re.MULTILINE))
    assert used == set(named)
    assert set(named.values()) == {""}


def test_every_named_volume_is_declared():
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    named = {source for source in mounted if not source.startswith((".", "$"))} | {"inbox", "reference"}
    assert named == set(yaml.safe_load(COMPOSE)["volumes"])
    assert {"${INBOX", "${REFERENCE"} == {source for source in mounted if source.startswith("$")}


def test_only_loopback_is_listened_on_by_default():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(re.fullmatch(r"\$\{\w+_LISTEN:-127\.0\.0\.1:\d+\}:8080", port) for port in ports)


def test_files_that_containers_take_from_the_checkout_exist():
    mounted = [v.split(":")[0] for service in SERVICES.values() for v in service["volumes"] if v.startswith("./")]
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (PROJECT / "deploy/Dockerfile").read_text(), flags=re.MULTILINE)
    for path in [*mounted, *" ".join(copied).split()]:
        assert (PROJECT / path).exists(), path


def test_build_sees_only_what_it_copies():
    ignored = (PROJECT / "deploy/Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    dockerfile = (PROJECT / "deploy/Dockerfile").read_text()
    copied = " ".join(re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, flags=re.MULTILINE)).split()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)


def test_image_ends_as_an_ordinary_user():
    dockerfile = (PROJECT / "deploy/Dockerfile").read_text()
    (user,) = re.findall(r"^USER (.+)$", dockerfile, flags=re.MULTILINE)
    assert {user} == {SERVICES[name]["user"] for name in ("init", "scheduler", "api-server")}
    assert f"--uid {user.split(':')[0]}" in dockerfile


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_has_its_own_login(edition):
    block = re.search(rf"location /{edition}/ {{(.+?)\n    }}", NGINX, flags=re.DOTALL)
    assert block is not None
    assert f"auth_basic_user_file /run/secrets/{edition}_users;" in block[1]
    assert f"{edition}_users" in SERVICES["pages"]["secrets"]


@pytest.mark.parametrize(
    "script", [".ci/run", "tools/demo", "tools/airflow", "tools/postgres", "deploy/init.sh", "deploy/databases.sh"]
)
def test_scripts_can_be_parsed(script):
    shell = "bash" if script == ".ci/run" else "sh"
    subprocess.run([shell, "-n", PROJECT / script], check=True)
