"""docs/conformance.md says what is: its cells are compared by each case as it runs, the rest of it here."""

from tests.rules.conformance import page
from tests.rules.conformance.case import SCRIPTS, Verdict
from tests.rules.conformance.cases import CASES
from tests.rules.conformance.products import OLDER, PRODUCTS


def test_the_page_is_what_its_verdicts_make_of_it() -> None:
    assert page.render(page.written()) == page.PAGE.read_text("utf-8"), "tools/conformance writes it"


def test_every_script_is_a_case_of_the_list_and_on_the_page() -> None:
    page.scripts()
    assert SCRIPTS.keys() <= CASES.keys()
    columns = [*PRODUCTS, *OLDER, page.SOCKET]
    assert page.written().keys() == {(ident, column) for ident in SCRIPTS for column in columns}


def test_every_case_that_is_written_is_passed_by_somebody_or_no_product_has_what_it_needs() -> None:
    told = page.written()
    passed = {ident for (ident, _), verdict in told.items() if verdict.kind != "not applicable"}
    needless = {ident for (ident, column), verdict in told.items() if column == page.SOCKET and verdict.why}
    assert SCRIPTS.keys() - passed <= needless


def test_what_is_written_is_read_again() -> None:
    one, other = list(PRODUCTS)[:2]
    verdicts = {(ident, column): Verdict("passed") for ident in SCRIPTS for column in (*PRODUCTS, *OLDER, page.SOCKET)}
    some = next(iter(SCRIPTS))
    verdicts[some, one] = Verdict("not applicable", "it has no reader")
    verdicts[some, other] = Verdict("deviates", "says so (Q-001)")
    verdicts[some, next(iter(OLDER))] = Verdict("not applicable", "no such message")
    assert page.read(page.render(verdicts)) == verdicts
