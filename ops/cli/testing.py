"""`panjereh test`: the services' own cases, told as a person would tell them, and what no case has touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from adapter.service import (
    CaseResult,
    Coverage,
    Service,
    coverage_of,
    coverage_of_all,
    layers_of,
    load_views,
    run_cases,
)
from adapter.service.coverage import Share, rules_without_use
from ops.cli.checking import Config, Contracts, Json, Mappings, folders_of, load_contracts, load_folders, named_folders
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

_ALL = "all"


def cases(
    service: str | None = None,
    /,
    *,
    coverage: Annotated[
        bool, Parameter(negative="", help="Tell which rows, codes and rules no case has touched.")
    ] = False,
    least: Annotated[
        float, Parameter(help="With --coverage: exit code 1 when less than so many % of a service's rows or codes are.")
    ] = 0.0,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Run the services' own cases; exit code 1 when a table gives something else than its case expects."""
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    loaded, _ = load_contracts(folders["contracts"])
    services, faulty = load_folders(folders["mappings"], loaded, only=service)
    views, faulty_views = load_views(folders["mappings"], loaded, only=service and {service})
    results = {name: run_cases(folders["mappings"] / name, one) for name, one in sorted(services.items())}
    results |= {"/".join(at): _run_view(folders["mappings"], at, one) for at, one in sorted(views.items())}
    faulty = faulty | {"/".join(at): found for at, found in faulty_views.items()}
    touched = _coverages(services, results) if coverage else {}
    without_use = rules_without_use(services.values()) if _ALL in touched else []
    failed = sum(not case.is_passed for found in results.values() for case in found)
    short = [name for name, one in touched.items() if not one.reaches(least)]
    if json:
        _print_json(results, failed, sorted(faulty), touched, without_use)
    else:
        _print_cases(results, failed)
        for name in sorted(faulty):
            check = f"panjereh check {name.rpartition('/')[2]}"
            command = named_folders(check, config, contracts=contracts, mappings=mappings)
            say(f"{name}: its tables have faults; run: {command}")
        _print_coverage(touched, short, least)
        if without_use:
            say(f"no service uses: {', '.join(without_use)}; their own examples try them: panjereh rules")
    return Exit.FINDINGS if failed or faulty or short else Exit.OK


def _run_view(mappings: Path, at: tuple[str, str], view: Service) -> list[CaseResult]:
    """The cases of a tenant's own service: its own, and the shared ones that it has not replaced."""
    layers, _ = layers_of(mappings, *at)
    return run_cases(layers.shared, view, own=layers.own)


def _coverages(services: Mapping[str, Service], results: Mapping[str, list[CaseResult]]) -> dict[str, Coverage]:
    """Each service's, and all of them together when there are several."""
    found = {name: coverage_of(one, results[name]) for name, one in services.items()}
    used = {step.line.row["rule"] for cases in results.values() for case in cases for step in case.steps}
    return found if len(found) == 1 else found | {_ALL: coverage_of_all(list(found.values()), used)}


def _print_json(
    results: Mapping[str, list[CaseResult]],
    failed: int,
    faulty: list[str],
    coverages: Mapping[str, Coverage],
    without_use: list[str],
) -> None:
    told = [
        {
            "service": name,
            "case": case.name,
            "table": case.table,
            "differences": [
                {
                    "field": one.field,
                    "expected": one.expected,
                    "came": one.came,
                    "row": one.row,
                    "rule": one.how,
                    "told": str(one),
                }
                for one in case.differences
            ],
        }
        for name, found in results.items()
        for case in found
    ]
    parts = {name: {part: _told(share) for part, share in _parts(one)} for name, one in coverages.items()}
    covered = {"coverage": parts, "rules_without_use": without_use} if coverages else {}
    print_json({"cases": told, "failed": failed, "faulty_services": faulty} | covered)


def _print_cases(results: Mapping[str, list[CaseResult]], failed: int) -> None:
    for name, found in results.items():
        for case in found:
            if not case.is_passed:
                print(f"{name}: {case.name}" + (f" (table {case.table})" if case.table else ""))
                for one in case.differences:
                    print(f"  {one}")
    count = sum(map(len, results.values()))
    say(f"{count - failed} of {count} cases passed")


def _print_coverage(coverages: Mapping[str, Coverage], short: list[str], least: float) -> None:
    if not coverages:
        return
    shown = [(name, *(_figure(share) for _, share in _parts(one))) for name, one in coverages.items()]
    print_table(("service", "rows", "codes", "rules"), shown)
    for name, one in coverages.items():
        if name != _ALL:
            _print_untouched(one)
    if _ALL in coverages and coverages[_ALL].rules.untouched:
        say(f"no case touches a row by: {', '.join(sorted(coverages[_ALL].rules.untouched))}")
    if short:
        say(f"less than {least:g} % of the rows or codes: {', '.join(short)}")


def _print_untouched(one: Coverage) -> None:
    for part, share in (("row", one.rows), ("code", one.codes)):
        for place, what in sorted(share.untouched.items(), key=lambda found: _by_line(found[0])):
            print(f"{place}: no case touches this {part}: {what}")


def _by_line(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line)


def _parts(one: Coverage) -> tuple[tuple[str, Share], ...]:
    return ("rows", one.rows), ("codes", one.codes), ("rules", one.rules)


def _figure(share: Share) -> str:
    return f"{share.count - len(share.untouched)} of {share.count}, {share.percent:g} %"


def _told(share: Share) -> dict[str, Any]:
    untouched = [
        {"place": place, "what": what} if what else {"rule": place} for place, what in sorted(share.untouched.items())
    ]
    return {"count": share.count, "percent": share.percent, "untouched": untouched}
