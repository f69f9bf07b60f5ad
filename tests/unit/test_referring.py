"""Folders that refer citizens to an office, by channel or altogether, and areas: what is sound and what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adapter.errors import FaultyTables
from adapter.service import Service, load_service, run_cases
from tests.support.few import mappings_with
from tests.support.house import contracts

OFFICE = """
[referral]
why = "این خدمت تخصصی است"
office = "دفتر خدمات الکترونیک شهر"
phone = "034-00000137"
"""
BY_CHANNEL = """
[channels]
national_window = "referral"
city_office = "case"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped service whose pattern is `case`."""
    return mappings_with(tmp_path, "building_permit") / "building_permit"


@pytest.fixture
def specialised(folder: Path) -> Path:
    """A folder that does nothing but refer: identity, card and publication."""
    lines = (folder / "service.toml").read_text(encoding="utf-8").partition("[inward.")[0].splitlines()
    kept = [
        line
        for line in lines
        if not line.startswith(("system", "objection", "[business_key]", "[documents]", "most_bytes", "count"))
    ]
    kept = [line for line in kept if "= [" not in line]
    text = "\n".join(kept).replace('pattern = "case"', 'pattern = "referral"')
    (folder / "service.toml").write_text(f'{text}\n[outward]\npublication = "PublishService"\n', encoding="utf-8")
    append(folder, "card.toml", OFFICE)
    (folder / "referral").mkdir()
    shutil.move(folder / "urban_core" / "publication.csv", folder / "referral" / "publication.csv")
    shutil.rmtree(folder / "urban_core")
    for path in (folder / "cases").iterdir():
        if not path.name.startswith("the_card_is_published"):
            path.unlink()
    return folder


def append(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(text)


def load(folder: Path) -> Service:
    return load_service(folder, contracts=contracts())


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(FaultyTables) as caught:
        load(folder)
    return caught.value.faults


def test_a_folder_that_only_refers_has_a_card_and_its_publication(specialised: Path) -> None:
    service = load(specialised)
    assert (service.system, dict(service.inward), set(service.tables)) == ("", {}, {"publication"})
    assert all(service.refers(channel) for channel in ("national_window", "city_office"))
    assert all(case.is_passed for case in run_cases(specialised, service))


def test_a_folder_that_only_refers_has_no_system(specialised: Path) -> None:
    path = specialised / "service.toml"
    path.write_text('system = "urban_core/1.0"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert any("system: 'system' is not a key here" in fault for fault in faults_of(specialised))


def test_a_folder_that_does_more_names_its_system(folder: Path) -> None:
    path = folder / "service.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('system = "urban_core/1.0"\n', ""), encoding="utf-8")
    assert any("system: the key is missing" in fault for fault in faults_of(folder))


def test_a_channel_refers_and_the_others_go_on(folder: Path) -> None:
    append(folder, "service.toml", BY_CHANNEL)
    append(folder, "card.toml", OFFICE)
    service = load(folder)
    assert service.refers("national_window")
    assert not service.refers("city_office")
    assert not service.refers("counter")


def test_who_refers_says_where_to(folder: Path) -> None:
    append(folder, "service.toml", BY_CHANNEL)
    (fault,) = faults_of(folder)
    assert "card.toml" in fault
    assert "referral: the section is missing" in fault


def test_a_card_that_the_gateway_could_not_read_is_a_fault(folder: Path) -> None:
    append(folder, "service.toml", BY_CHANNEL)
    append(folder, "card.toml", OFFICE.replace("034-00000137", "تلفن ۱۳۷"))
    assert all("referral: phone is not text like" in fault for fault in faults_of(folder))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('national_windov = "referral"', "'national_windov' is not a channel of window/1.0"),
        ('national_window = "bill"', "'bill' is not possible here"),
    ],
)
def test_a_channel_is_the_gateway_s_and_its_pattern_the_service_s_own_or_referral(
    folder: Path, written: str, expected: str
) -> None:
    append(folder, "service.toml", f"\n[channels]\n{written}\n")
    append(folder, "card.toml", OFFICE)
    (fault,) = faults_of(folder)
    assert expected in fault


def test_an_area_tells_its_subjects(folder: Path) -> None:
    path = folder / "service.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('kind = "service"', 'kind = "area"'), encoding="utf-8")
    (fault,) = faults_of(folder)
    assert "kind: codes/subject.csv is missing" in fault
    (folder / "codes" / "subject.csv").write_text(
        "gateway,internal,title,unit,valid_from,valid_to,note\nstreet_light,205,چراغ معبر,خدمات شهری,,,assumption\n",
        encoding="utf-8",
    )
    assert load(folder).kind == "area"
