"""A tenant's own folder over a shared service: rows, files or the whole of it, for that tenant only."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from adapter.offer import offer_of
from adapter.service import Service, layers_of, load_services, load_views, run_cases
from adapter.tables import Fault
from adapter.translator import Context
from ops.cli.main import run_command
from tests.support.few import mappings_with
from tests.support.house import contracts
from tests.support.records import ROOT, toll

CITY, NAME = "sample-city", "renovation_toll"
OWN = f"tenants/{CITY}/{NAME}"
HEADER = "target,source,rule,argument,when,required,note,taken_out\n"
CODES = "gateway,internal,title,valid_from,valid_to,note,taken_out\n"


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, NAME)


def write(mappings: Path, file: str, text: str) -> None:
    path = mappings / OWN / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def view(mappings: Path) -> Service:
    views, faults = load_views(mappings, contracts())
    assert not faults, [str(fault) for found in faults.values() for fault in found]
    return views[CITY, NAME]


def shared(mappings: Path) -> Service:
    return load_services(mappings, contracts())[0][NAME]


def faults(mappings: Path) -> list[Fault]:
    return load_views(mappings, contracts())[1].get((CITY, NAME), [])


CONTEXT = Context(date(2026, 11, 21), case={"tracking_code": "1"}, exchange={"reference": "r"})


def submitted(service: Service) -> dict[str, object]:
    return service.tables["submit"].translate(toll(), CONTEXT)


def test_an_own_row_takes_the_place_of_the_shared_one_for_that_tenant_only(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "postal_code,,constant,1111111111,,,,\n")

    own, common = submitted(view(mappings)), submitted(shared(mappings))

    assert own["postal_code"] == "1111111111"
    assert common["postal_code"] != "1111111111"
    assert {key: value for key, value in own.items() if key != "postal_code"} == {
        key: value for key, value in common.items() if key != "postal_code"
    }


def test_a_row_is_taken_out_explicitly(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "postal_code,,,,,,,yes\n")

    assert "postal_code" in submitted(shared(mappings))
    assert "postal_code" not in submitted(view(mappings))


def test_a_row_that_takes_out_nothing_is_a_fault_in_the_tenants_own_line(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "postal_kode,,,,,,,yes\n")

    (fault,) = faults(mappings)

    assert str(fault) == (
        f"mappings/{OWN}/revenue/submit.csv:2: target: 'postal_kode' is taken out and stands in no shared row,"
        " did you mean 'postal_code'?"
    )


def test_a_fault_of_an_own_row_names_the_tenants_file_and_line(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "mobile,applicant.mobile,mobyle,,,,,\n")

    found = [str(fault) for fault in faults(mappings)]

    assert found == [
        f"mappings/{OWN}/revenue/submit.csv:2: rule: 'mobyle' is not a rule, did you mean 'mobile'?",
    ]


def test_only_a_tenants_table_may_take_rows_out(mappings: Path) -> None:
    (mappings / NAME / "revenue" / "submit.csv").write_text(HEADER, encoding="utf-8")

    found = [str(fault) for fault in load_services(mappings, contracts())[1][NAME]]

    assert any("taken_out: 'taken_out' is not a column here" in fault for fault in found)


def test_an_own_code_hides_the_shared_ones_of_its_code_whichever_way_it_is_looked_up(mappings: Path) -> None:
    status = (mappings / NAME / "codes" / "status.csv").read_text(encoding="utf-8").splitlines()
    gateway, internal = status[1].split(",")[:2]
    write(
        mappings,
        "codes/status.csv",
        CODES.replace("title,", "title,stage,awaited,") + f"{gateway},77,بدون بدهی,ended,,,,,\n",
    )
    book = view(mappings).tables["status"]

    cells = {cell.code: cell.value for line in book.lines for cell in line.cells if cell.column == "gateway"}

    assert cells["77"] == gateway
    assert cells[internal] == gateway


def test_a_code_is_taken_out_and_is_then_untranslatable_for_that_tenant(mappings: Path) -> None:
    shared_codes = (mappings / NAME / "codes" / "pay_channel.csv").read_text(encoding="utf-8").splitlines()
    gateway, internal = shared_codes[1].split(",")[:2]
    write(mappings, "codes/pay_channel.csv", CODES + f"{gateway},{internal},,,,,yes\n")

    codes = {cell.code for line in view(mappings).tables["payment"].lines for cell in line.cells}
    common = {cell.code for line in shared(mappings).tables["payment"].lines for cell in line.cells}

    assert common - codes == {gateway}


def test_keys_of_service_toml_are_laid_over_section_by_section(mappings: Path) -> None:
    write(mappings, "service.toml", 'title = "عوارض نوسازی شهر نمونه"\n[search]\nmobile = "applicant.mobile"\n')

    own, common = view(mappings), shared(mappings)

    assert own.title == "عوارض نوسازی شهر نمونه"
    assert set(own.search) == {*common.search, "mobile"}
    assert own.promise == common.promise
    assert own.service_id == common.service_id
    assert own.sha256 != common.sha256


def test_a_section_is_taken_out_and_an_unknown_one_is_a_fault(mappings: Path) -> None:
    write(mappings, "service.toml", 'taken_out = ["inward.SubmitSurvey", "inward.SubmitSurvei"]\n')
    (fault,) = faults(mappings)
    write(mappings, "service.toml", 'taken_out = ["inward.SubmitSurvey"]\n')

    assert str(fault).startswith(f"mappings/{OWN}/service.toml:1: taken_out: 'inward.SubmitSurvei' stands in no")
    assert "SubmitSurvey" in shared(mappings).inward
    assert "SubmitSurvey" not in view(mappings).inward


def test_a_wrong_key_of_a_tenants_service_toml_is_told_in_its_line(mappings: Path) -> None:
    write(mappings, "service.toml", '\npattern = "bil"\n')

    told = f"mappings/{OWN}/service.toml:2: pattern: 'bil' is not known, did you mean 'bill'?"
    assert told in [str(fault) for fault in faults(mappings)]


def test_a_file_that_stands_alone_replaces_the_shared_one_whole(mappings: Path) -> None:
    shared_codes = (mappings / NAME / "codes" / "pay_channel.csv").read_text(encoding="utf-8").splitlines()
    write(mappings, "codes/pay_channel.csv", "\n".join(shared_codes[:2]) + "\n")
    write(mappings, "service.toml", 'stands_alone = ["codes/pay_channel.csv"]\n')

    codes = {cell.code for line in view(mappings).tables["payment"].lines for cell in line.cells}

    assert codes == {shared_codes[1].split(",")[0]}


def test_a_tenants_whole_service_stands_alone_with_a_pattern_of_its_own(mappings: Path) -> None:
    shutil.copytree(ROOT / "mappings" / "building_permit", mappings / OWN)
    text = (mappings / OWN / "service.toml").read_text(encoding="utf-8")
    (mappings / OWN / "service.toml").write_text(f"stands_alone = true\n{text}", encoding="utf-8")

    own, common = view(mappings), shared(mappings)

    assert (own.name, own.pattern, own.system) == (NAME, "case", "urban_core/1.0")
    assert (common.pattern, common.system) == ("bill", "revenue/1.0")


def test_a_specialised_service_is_referred_in_one_tenant_and_a_case_in_another(mappings: Path) -> None:
    special = "subdivision_consolidation"
    shutil.copytree(ROOT / "mappings" / special, mappings / special)
    (mappings / f"tenants/{CITY}/{special}").mkdir(parents=True)
    own = mappings / f"tenants/{CITY}/{special}/service.toml"
    own.write_text('[channels]\nnational_window = "case"\n', encoding="utf-8")

    views, faults = load_views(mappings, contracts())
    common = load_services(mappings, contracts())[0][special]

    assert not faults
    assert common.refers("national_window")
    assert not views[CITY, special].refers("national_window")
    assert views[CITY, special].refers("mobile")
    assert views[CITY, special].pattern == "case"


def test_a_service_that_only_one_tenant_has_needs_no_word_that_it_stands_alone(mappings: Path) -> None:
    shutil.copytree(ROOT / "mappings" / "building_permit", mappings / "tenants" / CITY / "building_permit")

    views, found = load_views(mappings, contracts())

    assert not found
    assert views[CITY, "building_permit"].pattern == "case"
    assert "building_permit" not in load_services(mappings, contracts())[0]


def test_a_shared_fault_stops_the_tenants_view_and_a_tenants_fault_its_own_alone(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "mobile,applicant.mobile,mobyle,,,,,\n")
    assert NAME in load_services(mappings, contracts())[0]
    assert faults(mappings)

    write(mappings, "revenue/submit.csv", HEADER + "mobile,applicant.mobile,mobile,,,,,\n")
    path = mappings / NAME / "card.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n[nonsense]\nx = 1\n", encoding="utf-8")
    assert [fault.file for fault in faults(mappings)] == [f"mappings/{NAME}/card.toml"]


def test_a_tenants_case_takes_the_place_of_the_shared_one_of_its_name(mappings: Path) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "postal_code,,constant,1111111111,,,,\n")
    own = mappings / OWN
    (failing, *_) = [one.name for one in run_cases(mappings / NAME, view(mappings), own=own) if not one.is_passed]
    expected = json.loads((mappings / NAME / "cases" / f"{failing}.out.json").read_text(encoding="utf-8"))
    write(mappings, f"cases/{failing}.out.json", json.dumps({**expected, "postal_code": "1111111111"}))

    results = {one.name: one for one in run_cases(mappings / NAME, view(mappings), own=own)}

    assert results[failing].is_passed


def test_the_offer_gives_a_tenant_its_own_view_and_the_neighbour_the_shared_one(mappings: Path) -> None:
    write(mappings, "service.toml", 'title = "عوارض نوسازی شهر نمونه"\n')
    services, _ = load_services(mappings, contracts())
    views, _ = load_views(mappings, contracts())

    offer = offer_of({CITY: [NAME], "other-city": [NAME]}, services, {}, views=dict(views))
    stopped = offer_of({CITY: [NAME], "other-city": [NAME]}, services, {}, views={(CITY, NAME): ("13042650207", "x")})

    assert offer.named(CITY, NAME) is views[CITY, NAME]
    assert offer.named("other-city", NAME) is services[NAME]
    assert stopped.named(CITY, NAME) is None
    assert stopped.named("other-city", NAME) is services[NAME]


def test_check_and_test_look_at_every_tenants_view(mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(mappings, "revenue/submit.csv", HEADER + "postal_code,,constant,1111111111,,,,\n")
    sound = run_command(["check", NAME, "--mappings", str(mappings), "--json"])
    told = json.loads(capsys.readouterr().out)
    failing = run_command(["test", NAME, "--mappings", str(mappings)])
    cases = capsys.readouterr().out
    write(mappings, "revenue/submit.csv", HEADER + "mobile,applicant.mobile,mobyle,,,,,\n")
    faulty = run_command(["check", NAME, "--mappings", str(mappings)])

    assert (sound, told["services"]) == (0, [NAME, f"{CITY}/{NAME}"])
    assert (failing, f"{CITY}/{NAME}: " in cases) == (1, True)
    assert faulty == 1
    assert capsys.readouterr().out.startswith(f"mappings/{OWN}/revenue/submit.csv:2: rule: ")


def test_a_tenant_with_another_system_shares_the_tables_that_speak_of_none() -> None:
    views, faults = load_views(ROOT / "mappings", contracts(), tenants={"sample-village"})
    view = views["sample-village", "site_visit"]
    shared = load_services(ROOT / "mappings", contracts(), only={"site_visit"})[0]["site_visit"]

    assert (faults, view.system, shared.system) == ({}, "village/1.0", "urban_core/1.0")
    files = {name: table.file.rpartition("/")[0] for name, table in view.tables.items()}
    assert files["status"] == files["submit"] == "mappings/tenants/sample-village/site_visit/village"
    assert files["refusal"] == files["publication"] == "mappings/site_visit/urban_core"
    own = ROOT / "mappings" / "tenants" / "sample-village" / "site_visit"
    results = run_cases(ROOT / "mappings" / "site_visit", view, own=own)
    assert all(one.is_passed for one in results)
    assert {one.name for one in results} >= {
        "a_villager_asks_by_the_mobile_system",
        "every_refusal_has_its_legal_basis",
    }


def test_views_are_read_of_the_tenants_that_are_served(mappings: Path) -> None:
    write(mappings, "codes/status.csv", CODES)

    assert load_views(mappings, contracts(), tenants={"another-city"}) == ({}, {})
    assert set(load_views(mappings, contracts(), tenants={CITY})[0]) == {(CITY, NAME)}


def test_a_folder_is_read_at_one_time_whatever_is_written_meanwhile(mappings: Path) -> None:
    write(mappings, "codes/status.csv", CODES)
    layers, _ = layers_of(mappings, CITY, NAME)
    read = layers.read()
    before = read.file("service.toml").source

    (mappings / NAME / "service.toml").write_text("", encoding="utf-8")
    (mappings / NAME / "codes" / "another.csv").write_text(CODES, encoding="utf-8")

    assert read.file("service.toml").source == before
    assert "another.csv" not in read.names("codes", ".csv")
    assert "another.csv" in layers.names("codes", ".csv")
    assert [read.is_own("codes", "status.csv"), read.is_own("codes", "another.csv")] == [True, False]
