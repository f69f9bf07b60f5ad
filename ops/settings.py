"""Settings: every field is described, and what does not go together is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    DirectoryPath,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

import adapter
from adapter.errors import FaultySettings
from adapter.retry import Profile

_HOUSE = Path(adapter.__file__).resolve().parent.parent
_LEAST_MASTER_KEY_BYTES = 32
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""This machine's own networks."""

CONFIG_VARIABLE = "PANJEREH_CONFIG"
"""Where a command finds the settings file when no `--config` names it."""


_DATABASES = "sqlite:///path/journal.db or postgresql://user@host/name"
_DATABASE = re.compile(r"sqlite:///.|postgres(ql)?(\+psycopg)?://([^/?#@]*@)?([^/?#@:]*|\[[^\]]*\])(:[0-9]+)?([/?]|$)")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CallerSettings(_Strict):
    """One who may call us: a channel of a tenant."""

    name: str = Field(description="a short name, as logs and audit show it")
    tenant: str = Field(description="the municipality on whose behalf it calls")
    channel: str = Field(description="national_window, counter, city_office, portal, mobile, service_desk …")
    key_sha256: list[str] = Field(
        min_length=1, description="SHA-256 of each valid API key, in hex; two while a key is rotated"
    )


class EndpointSettings(_Strict):
    """Where one system answers."""

    address: str = Field(
        description="base URL of the system, http or https; for sql its database's URL, for file its folder"
    )
    binding: Literal["soap", "rest", "sql", "file"] = Field(description="which binding of its contract it speaks")
    key_file: Path | None = Field(
        default=None, description="file of mode 0600 that holds our API key there, or the password, token or secret"
    )
    authentication: Literal["api_key", "basic", "bearer", "oauth2"] = Field(
        default="api_key", description="how we open its door: a key in a header, user and password, or a token"
    )
    user: str | None = Field(default=None, description="our user name with basic, our client id with oauth2")
    token_address: str | None = Field(
        default=None, pattern=r"^https?://[^\s/?#@]+/[^\s?#]*$", description="where oauth2 gives its tokens"
    )
    scope: str | None = Field(default=None, description="the scope that we ask for with oauth2")
    client_in: Literal["header", "body"] = Field(default="header", description="where oauth2 wants our id and secret")
    webhook_key_file: Path | None = Field(
        default=None,
        description="file of mode 0600 with the secret that signs what this system tells us; two while it changes",
    )
    key_header: str = Field(default="X-Api-Key", description="HTTP header that carries our API key")
    connections: int = Field(default=16, ge=1, le=256, description="connections at once")

    @model_validator(mode="after")
    def _is_reached_in_one_way(self) -> Self:
        if faults := [*_address_faults(self), *_authentication_faults(self)]:
            raise ValueError("; ".join(faults))
        return self


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "api_key": (),
    "basic": ("user", "key_file"),
    "bearer": ("key_file",),
    "oauth2": ("user", "key_file", "token_address"),
}
_USED: Mapping[str, tuple[str, ...]] = {
    "key_header": ("api_key",),
    "user": ("basic", "oauth2"),
    "token_address": ("oauth2",),
    "scope": ("oauth2",),
    "client_in": ("oauth2",),
}


_HTTP = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def _address_faults(endpoint: EndpointSettings) -> Iterator[str]:
    """What is no address of the binding, as far as can be told before it is connected."""
    if endpoint.binding in {"soap", "rest"} and not _HTTP.fullmatch(endpoint.address):
        yield f"address: with {endpoint.binding} it is http://… or https://…, without a query"


def _authentication_faults(endpoint: EndpointSettings) -> Iterator[str]:
    """What a way of opening a door lacks, and what is said that it does not use."""
    way, given = endpoint.authentication, endpoint.model_fields_set
    if endpoint.binding not in {"soap", "rest"} and way != "api_key":
        yield f"authentication: is {way}, which only rest and soap know; a database's user stands in its address"
    for name in _NEEDED[way]:
        if getattr(endpoint, name) is None:
            yield f"{name}: is missing; authentication = {way} needs it"
    for name, ways in _USED.items():
        if name in given and way not in ways:
            yield f"{name}: is only for authentication = {' or '.join(ways)}, which is {way} here"
    if way == "basic" and ":" in (endpoint.user or ""):
        yield "user: has a colon, which no user name of basic can have"


class TenantSettings(_Strict):
    """A municipality served by this installation."""

    services: list[str] = Field(description="names of its services: folders in the mappings folder")
    endpoints: dict[str, EndpointSettings] = Field(description='by contract, such as "window/1.0"')
    signs_off: bool = Field(default=False, description="new tables are live for it only after its own sign-off")


class HttpSettings(_Strict):
    """Where the doors and the health pages listen."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8470, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="where callers reach us, as our WSDL tells it; by default where they asked for it",
    )
    connections_per_peer: int = Field(
        default=32, ge=1, le=256, description="connections at once from one address; this machine's own may be more"
    )
    spool: DirectoryPath | None = Field(
        default=None,
        description="folder where attachments lie, without names, while they come; the system's own by default",
    )
    pages_for: list[IPvAnyNetwork] = Field(
        default=list(LOOPBACK),
        description="networks to which /healthz, /metrics and the checks of /readyz are shown",
    )


class ProfileSettings(_Strict):
    """The durations by which the installation lives."""

    name: str = Field(default="default", description="a name, shown in health and in the demo")
    scale: float = Field(default=1.0, gt=0, le=1, description="multiplies every waiting time; 1 in production")
    longest_wait_seconds: float | None = Field(
        default=None, gt=0, description="no wait is longer than this; for demonstrations and tests"
    )


class Settings(BaseSettings):
    """All that differs between one installation and another.

    A value comes from the environment (`PANJEREH_…`, `__` between levels), else from the file, else from its default.
    """

    model_config = SettingsConfigDict(
        env_prefix="PANJEREH_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    node: str = Field(default="panjereh-1", description="this daemon's name among the nodes of one database")
    environment: str = Field(
        default="production",
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description="which of your environments this is; a journal belongs to the one it was made for",
    )
    database: str = Field(description=_DATABASES)
    master_key_file: Path = Field(description="file of mode 0600 with at least 32 bytes; it seals every payload")
    admin_socket: Path = Field(description="Unix socket for the operators' command")
    contracts: Path = Field(default=_HOUSE / "contracts", description="the folder of contracts")
    mappings: Path = Field(default=_HOUSE / "mappings", description="the folder of services")
    signed: Path | None = Field(default=None, description="folder of the tables that tenants have signed off")
    clamd: str | None = Field(
        default=None,
        pattern=r"^(unix:/.+|tcp:[^:]+:[0-9]{1,5})$",
        description="virus scanner of what is attached or fetched: unix:/run/clamav/clamd.ctl or tcp:host:port",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    http: HttpSettings = Field(default_factory=HttpSettings, description="doors and health")
    profile: ProfileSettings = Field(default_factory=ProfileSettings, description="durations")
    callers: list[CallerSettings] = Field(description="who may call us")
    tenants: dict[str, TenantSettings] = Field(description="the municipalities served")

    @field_validator("database")
    @classmethod
    def _is_a_database(cls, url: str) -> str:
        if _DATABASE.match(url) is None:
            raise ValueError(f"write {_DATABASES}")
        return url

    @model_validator(mode="after")
    def _has_a_place_for_what_is_signed(self) -> Self:
        if self.signed is None and any(its.signs_off for its in self.tenants.values()):
            raise ValueError("a tenant signs off: name the folder of what is signed, signed = …")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over the file."""
        return env_settings, init_settings


def master_key(settings: Settings) -> bytes:
    """The master key; raises FaultySettings when its file is missing, short, or readable by others."""
    return secret_of(settings.master_key_file, "master_key_file", least=_LEAST_MASTER_KEY_BYTES)


def secret_of(path: Path, setting: str, *, least: int = 1) -> bytes:
    """The content of a secret file; raises FaultySettings when it is missing, short, or readable by others."""
    try:
        mode, content = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise FaultySettings([f"{setting}: {path} cannot be read: {error.strerror}"]) from error
    if mode & 0o077:
        raise FaultySettings([f"{setting}: {path} can be read by others; run: chmod 600 {path}"])
    if len(content) < least:
        raise FaultySettings([f"{setting}: {path} holds {len(content)} bytes, {least} are needed"])
    return content


def profile_of(settings: Settings) -> Profile:
    """The durations the settings ask for."""
    if settings.profile.scale == 1.0:
        return Profile(name=settings.profile.name)
    longest = settings.profile.longest_wait_seconds
    return Profile().scaled(
        settings.profile.name,
        settings.profile.scale,
        longest=None if longest is None else timedelta(seconds=longest),
    )


def key_of(endpoint: EndpointSettings) -> SecretStr | None:
    """Our API key at an endpoint, if it wants one."""
    if endpoint.key_file is None:
        return None
    return SecretStr(secret_of(endpoint.key_file, "key_file").decode())
