"""Settings: a wrong one names itself, secrets are closed to others, the environment stands over the file."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import FaultySettings
from adapter.retry import Profile
from ops.callers import callers_of, key_digest
from ops.settings import (
    CallerSettings,
    EndpointSettings,
    HttpSettings,
    ProfileSettings,
    Settings,
    TenantSettings,
    key_of,
    master_key,
    profile_of,
    secret_of,
)
from ops.settings_file import load_settings

FILE = """
node = "node-7"
database = "sqlite:////var/lib/panjereh/journal.db"
master_key_file = "master.key"
admin_socket = "run/admin.sock"

[http]
port = 0

[profile]
name = "fast"
scale = 0.01

[tenants.sample-city]
services = ["renovation_toll"]

[tenants.sample-city.endpoints."window/1.0"]
address = "http://127.0.0.1:9101"
binding = "rest"

[[callers]]
name = "counter-72"
tenant = "sample-city"
channel = "counter"
key_sha256 = ["0000000000000000000000000000000000000000000000000000000000000000"]
"""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PANJEREH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "panjereh.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def changed(file: Path, before: str, after: str) -> Path:
    content = file.read_text(encoding="utf-8")
    assert before in content
    file.write_text(content.replace(before, after), encoding="utf-8")
    return file


def faults_of(file: Path) -> list[str]:
    with pytest.raises(FaultySettings) as faulty:
        load_settings(file)
    return faulty.value.faults


def test_what_stands_in_the_file_is_what_is_used(file: Path) -> None:
    settings = load_settings(file)
    assert (settings.node, settings.http.port, settings.profile.scale) == ("node-7", 0, 0.01)
    assert settings.tenants["sample-city"].endpoints["window/1.0"].binding == "rest"
    assert [caller.channel for caller in settings.callers] == ["counter"]


def test_what_the_file_leaves_out_has_its_default(file: Path) -> None:
    settings = load_settings(file)
    assert (settings.http.host, settings.log_level) == ("127.0.0.1", "info")
    assert settings.environment == "production"
    assert (settings.contracts / "window" / "1.0" / "contract.toml").is_file()
    assert (settings.mappings / "renovation_toll" / "service.toml").is_file()


def test_relative_paths_are_relative_to_the_file_wherever_one_stands(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    settings = load_settings(file)
    assert settings.master_key_file == tmp_path / "master.key"
    assert settings.admin_socket == tmp_path / "run" / "admin.sock"


def test_an_endpoint_s_key_file_is_relative_to_the_file_too(file: Path, tmp_path: Path) -> None:
    changed(file, 'binding = "rest"', 'binding = "rest"\nkey_file = "gateway.key"')
    endpoint = load_settings(file).tenants["sample-city"].endpoints["window/1.0"]
    assert endpoint.key_file == tmp_path / "gateway.key"


@pytest.mark.parametrize("place", ["journal.db", "data/journal.db"])
def test_an_embedded_database_s_path_is_relative_to_the_file_too(file: Path, tmp_path: Path, place: str) -> None:
    changed(file, "sqlite:////var/lib/panjereh/journal.db", f"sqlite:///{place}")
    assert load_settings(file).database == f"sqlite:///{tmp_path / place}"


def test_databases_with_a_whole_path_or_on_a_server_are_taken_as_they_stand(file: Path) -> None:
    assert load_settings(file).database == "sqlite:////var/lib/panjereh/journal.db"
    changed(file, "sqlite:////var/lib/panjereh/journal.db", "postgresql://panjereh@db.example/journal")
    assert load_settings(file).database == "postgresql://panjereh@db.example/journal"


# a wrong or misspelt setting names itself


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('node = "node-7"', 'nod = "node-7"', "nod"),
        ("port = 0", "prot = 0", "http.prot"),
        ("scale = 0.01", "scael = 0.01", "profile.scael"),
        ('binding = "rest"', 'binding = "rest"\nbindings = 1', "tenants.sample-city.endpoints.window/1.0.bindings"),
        ('channel = "counter"', 'channel = "counter"\nchanel = "x"', "callers.0.chanel"),
    ],
)
def test_a_misspelt_setting_names_itself_with_its_whole_place(file: Path, before: str, after: str, named: str) -> None:
    faults = faults_of(changed(file, before, after))
    assert any(f"{named}: there is no such setting; is it misspelt?" in fault for fault in faults)
    assert all(fault.startswith(f"{file}: ") for fault in faults)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("port = 0", "port = 70000", "http.port"),
        ("port = 0", 'port = "many"', "http.port"),
        ("scale = 0.01", "scale = 0", "profile.scale"),
        ("scale = 0.01", "scale = 2", "profile.scale"),
        ('binding = "rest"', 'binding = "smoke"', "tenants.sample-city.endpoints.window/1.0.binding"),
        ('node = "node-7"', 'node = "node-7"\nlog_level = "loud"', "log_level"),
        ('node = "node-7"', 'node = "node-7"\nenvironment = "Production"', "environment"),
        ('node = "node-7"', 'node = "node-7"\nenvironment = ""', "environment"),
        ('node = "node-7"', f'node = "node-7"\nenvironment = "{"x" * 33}"', "environment"),
        ('tenant = "sample-city"\n', "", "callers.0.tenant"),
        (
            'address = "http://127.0.0.1:9101"',
            'address = "ftp://x"',
            "tenants.sample-city.endpoints.window/1.0: address",
        ),
        (f'["{"0" * 64}"]', "[]", "callers.0.key_sha256"),
        ('database = "sqlite:////var/lib/panjereh/journal.db"\n', "", "database"),
    ],
)
def test_a_wrong_or_missing_setting_names_itself(file: Path, before: str, after: str, named: str) -> None:
    assert any(f": {named}: " in fault for fault in faults_of(changed(file, before, after)))


def test_every_fault_is_told_at_once(file: Path) -> None:
    changed(file, "port = 0", "prot = 0")
    changed(file, "scale = 0.01", "scale = 7")
    changed(file, 'binding = "rest"', 'binding = "smoke"')
    assert len(faults_of(file)) == 3


def test_a_file_that_is_not_there_says_how_to_name_one(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path / "nowhere.toml")
    assert "nowhere.toml" in fault
    assert "--config" in fault


@pytest.mark.parametrize("content", [b"node = ", b"\xff\xfe\x00", b"node = 'a'\nnode = 'b'\n"])
def test_a_file_that_is_no_toml_says_so(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    (fault,) = faults_of(file)
    assert fault.startswith(f"{file}: not readable as TOML")


def test_a_folder_in_place_of_the_file_says_so(tmp_path: Path) -> None:
    assert faults_of(tmp_path)


def test_a_path_that_is_a_number_names_itself(file: Path) -> None:
    faults = faults_of(changed(file, 'master_key_file = "master.key"', "master_key_file = 5"))
    assert any("master_key_file" in fault for fault in faults)


# the environment


def test_the_environment_stands_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANJEREH_NODE", "node-8")
    monkeypatch.setenv("PANJEREH_HTTP__PORT", "8471")
    settings = load_settings(file)
    assert (settings.node, settings.http.port) == ("node-8", 8471)
    assert settings.profile.name == "fast"


def test_one_value_from_the_environment_leaves_its_neighbours_in_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANJEREH_PROFILE__SCALE", "0.5")
    settings = load_settings(file)
    assert (settings.profile.scale, settings.profile.name) == (0.5, "fast")


def test_a_misspelt_variable_names_itself(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANJEREH_DATABSE", "sqlite:///x.db")
    assert faults_of(file) == [
        "environment: PANJEREH_DATABSE: there is no such setting; did you mean 'PANJEREH_DATABASE'?"
    ]


def test_a_variable_whose_section_is_misspelt_is_answered_with_all_of_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANJEREH_HTP__PORT", "1")
    assert faults_of(file) == [
        "environment: PANJEREH_HTP__PORT: there is no such setting; did you mean 'PANJEREH_HTTP__PORT'?"
    ]


def test_a_misspelt_inner_variable_names_itself(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANJEREH_HTTP__PROT", "1")
    assert any("http.prot: there is no such setting" in fault for fault in faults_of(file))


def test_a_wrong_value_in_the_environment_names_its_setting(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANJEREH_HTTP__PORT", "many")
    assert any("http.port: " in fault for fault in faults_of(file))


def test_settings_cannot_be_changed_afterwards(file: Path) -> None:
    settings = load_settings(file)
    with pytest.raises(ValueError, match="frozen"):
        settings.node = "another"  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    models: list[Any] = [Settings, CallerSettings, EndpointSettings, TenantSettings, HttpSettings, ProfileSettings]
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"


def test_a_network_that_is_none_names_itself(file: Path) -> None:
    faults = faults_of(changed(file, "port = 0", 'port = 0\npages_for = ["10.0.0.0/8", "10.0.0.1/8", "everyone"]'))
    assert [fault.split(": ")[1] for fault in faults] == ["http.pages_for.1", "http.pages_for.2"]


# who may call


def with_callers(file: Path, *callers: tuple[str, str, list[str]]) -> Settings:
    """The file's settings, with callers of these names, tenants and digests after its own."""
    entries = [
        f'[[callers]]\nname = "{name}"\ntenant = "{tenant}"\nchannel = "counter"\nkey_sha256 = {digests}\n'
        for name, tenant, digests in callers
    ]
    file.write_text("\n".join([FILE, *entries]), encoding="utf-8")
    return load_settings(file)


def test_each_key_leads_to_its_caller(file: Path) -> None:
    first, second = key_digest("one"), key_digest("two").upper()
    callers = callers_of(with_callers(file, ("mobile", "sample-city", [first, second])))
    assert [callers[digest.lower()].name for digest in (first, second, "0" * 64)] == ["mobile", "mobile", "counter-72"]


@pytest.mark.parametrize(
    ("caller", "fault"),
    [
        (("mobile", "sample-city", ["0" * 64]), "callers.1.key_sha256: the same digest stands at callers.0"),
        (
            ("mobile", "sample-city", ["ab" * 32, "AB" * 32]),
            "callers.1.key_sha256: the same digest stands at callers.1",
        ),
        (("mobile", "sample-city", ["an-invented-key"]), "callers.1.key_sha256: a digest has 64 hexadecimal digits"),
        (("mobile", "sample-city", ["0" * 63 + "g"]), "callers.1.key_sha256: a digest has 64 hexadecimal digits"),
        (("mobile", "sample-city", ["ab" * 32 + " "]), "callers.1.key_sha256: a digest has 64 hexadecimal digits"),
        (("mobile", "sample-city", [key_digest("")]), "callers.1.key_sha256: this is the digest of no key at all"),
        (
            ("mobile", "sample-citi", ["ab" * 32]),
            "callers.1.tenant: there is no tenant 'sample-citi'; did you mean 'sample-city'?",
        ),
        (("counter-72", "sample-city", ["ab" * 32]), "callers.1.name: 'counter-72' stands at callers.0"),
    ],
)
def test_a_caller_who_could_be_taken_for_another_names_himself(
    file: Path, caller: tuple[str, str, list[str]], fault: str
) -> None:
    settings = with_callers(file, caller)
    with pytest.raises(FaultySettings) as faulty:
        callers_of(settings)
    (told,) = faulty.value.faults
    assert told.startswith(fault)
    assert "an-invented-key" not in told, "a key in the digest's place is not repeated"


def test_the_faults_of_all_callers_are_told_at_once(file: Path) -> None:
    settings = with_callers(
        file,
        ("counter-72", "sample-city", ["0" * 64, "short"]),
        ("counter-72", "nowhere", [key_digest("")]),
    )
    with pytest.raises(FaultySettings) as faulty:
        callers_of(settings)
    places = [fault.split(": ")[0] for fault in faulty.value.faults]
    assert places == [
        "callers.1.name",
        "callers.1.key_sha256",
        "callers.1.key_sha256",
        "callers.2.tenant",
        "callers.2.key_sha256",
    ]


# secrets


def key_file(folder: Path, content: bytes = b"k" * 32, mode: int = 0o600) -> Path:
    path = folder / "master.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_master_key_is_read_without_the_line_s_end(file: Path, tmp_path: Path) -> None:
    key_file(tmp_path, b"k" * 32 + b"\n")
    assert master_key(load_settings(file)) == b"k" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it(
    file: Path, tmp_path: Path, mode: int
) -> None:
    path = key_file(tmp_path, mode=mode)
    with pytest.raises(FaultySettings, match="chmod 600") as faulty:
        master_key(load_settings(file))
    assert faulty.value.faults[0].startswith("master_key_file: ")
    assert str(path) in faulty.value.faults[0]


def test_a_short_master_key_is_refused_with_its_length_and_not_its_content(file: Path, tmp_path: Path) -> None:
    key_file(tmp_path, b"tooshort")
    with pytest.raises(FaultySettings, match="holds 8 bytes, 32 are needed") as faulty:
        master_key(load_settings(file))
    assert "tooshort" not in str(faulty.value)


def test_a_missing_secret_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(FaultySettings, match=r"key_file: .*nowhere"):
        secret_of(tmp_path / "nowhere", "key_file")


def test_an_endpoint_s_key_never_shows_itself(tmp_path: Path) -> None:
    path = key_file(tmp_path, b"an-invented-key")
    endpoint = EndpointSettings(address="http://127.0.0.1:9", binding="rest", key_file=path)
    key = key_of(endpoint)
    assert key is not None
    assert key.get_secret_value() == "an-invented-key"
    assert "an-invented-key" not in f"{key!r}{key}"


def test_an_endpoint_without_a_key_file_has_no_key() -> None:
    assert key_of(EndpointSettings(address="http://127.0.0.1:9", binding="rest")) is None


# the profile


def test_a_scale_of_one_is_the_default_profile_under_its_own_name(file: Path) -> None:
    settings = load_settings(changed(changed(file, "scale = 0.01", "scale = 1.0"), '"fast"', '"production"'))
    assert profile_of(settings) == Profile(name="production")


def test_a_smaller_scale_makes_every_wait_shorter(file: Path) -> None:
    profile = profile_of(load_settings(file))
    assert (profile.name, profile.schedule[0]) == ("fast", timedelta(milliseconds=300))
    assert profile.total == Profile().total
