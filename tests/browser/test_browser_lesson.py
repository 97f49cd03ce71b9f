"""The lesson of the static folder in a real browser: guess, then this device measures, behind a plain file server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pypdfium2
import pytest
import torch

from commands import lesson, static
from core import zoo
from core.codes import Directions, codes_in_turn
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa
from core.truth import scores

from ..support import file_host
from .visits import SIZES, axe

pytestmark = pytest.mark.browser
WHOLE = 5_500_000  # bytes of the folder
FACES = 3  # instead of 64
PACES = """async () => {
  const {MEASURED} = await import("./lesson/measured.js"), rows = [[0], [1], [3], [4]];
  const at = async function* (...paces) { for (const done of paces) yield {done, total: 4, readings: rows}; };
  const lab = {data: {half_way: .5, factors: [{short: "smile"}]},
    spread: psi => psi === 1 ? at(1, 4) : at(1, 2, 3, 4)}, seen = [];
  for await (const {done} of MEASURED.hides(lab, {values: [0]})) seen.push(done);
  return seen;
}"""
CLOSE = 0.02  # standard deviations: float16 in the browser, two digits on the page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    host = tmp_path_factory.mktemp("host")
    made = static.make(host / "below", lesson=True)
    assert sum(map(len, made.values())) < WHOLE
    said = json.loads(made["lesson/lesson.json"])
    (host / "below" / "lesson" / "lesson.json").write_text(json.dumps(said | dict(faces=FACES)), encoding="utf-8")
    return host


@pytest.fixture(scope="module")
def visit(browser, folder: Path) -> Iterator:
    """A page at 390 px whose errors are kept, and all that it asks for."""
    width, height = SIZES["phone"]
    with file_host(folder) as root:
        host = f"{root}below/"
        page = browser.new_page(viewport=dict(width=width, height=height), reduced_motion="reduce")
        said, asked = [], []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(host)
        page.wait_for_selector("#lesson-hides")
        yield page, host, asked
        page.close()
        assert said == [] and all(url.startswith(host) for url in asked), (said, asked)


@cache
def of_core(first: int = 0, last: int = lesson.KNOBS, slots: tuple[int, ...] = ()) -> torch.Tensor:
    """[knobs, FACES, factors]: what PyTorch measures of the same faces with some of the knobs, in some slots."""
    generator, judge = zoo.load(lesson.MODEL), zoo.load_judge(lesson.MODEL)
    found = sefa(generator, k=lesson.KNOBS)
    some = Directions(found.vectors[first:last], found.scores[first:last], slots or found.slots)
    codes = codes_in_turn(generator, FACES, lesson.FIRST_FACE, psi=zoo.card(lesson.MODEL).psi)
    steps, spread = spread_along(generator, found)[first:last], judge.spread.float()
    return torch.stack(list(scores.knob_changes_of(generator, judge.read, codes, some, steps, spread)))


def table(page, name: str) -> list[tuple[str, float]]:
    rows = page.locator(f"#lesson-{name} tr").evaluate_all(
        "rows => rows.map((r) => [...r.children].map((c) => c.innerText))"
    )
    return [(label, float(value.split()[0])) for label, value in rows]


def ended(page, name: str) -> str:
    page.wait_for_selector(f"#lesson-{name} .lesson-verdict")
    return page.locator(f"#lesson-{name} .lesson-result").inner_text()


def test_a_guess_comes_first_and_what_is_measured_then_is_what_core_measures(visit):
    page, _, asked = visit
    of_found, judge = page.locator("#lesson-found"), zoo.load_judge(lesson.MODEL)
    assert of_found.get_by_role("button").is_disabled() and of_found.locator(".lesson-result").is_hidden()
    assert page.locator(".start-proof").is_hidden(), "it says how many are found"
    assert axe(page) == [] and not any(url.endswith("reader.pack") for url in asked)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
    of_found.locator("input").first.press("Space")  # by keyboard
    of_found.get_by_role("button", name="Measure").press("Enter")
    said, wanted = ended(page, "found"), of_core()
    assert asked[-1].endswith("reader.pack")
    sizes = 4 * wanted.mean(1).abs()
    for (label, value), row in zip(table(page, "found"), sizes, strict=True):
        assert label.endswith(judge.factors[int(row.argmax())].short) and abs(value - float(row.max())) < 4 * CLOSE
    readable = torch.tensor(
        [one["readable"] for one in lesson.factors_of(judge, lesson.evidence.recorded(lesson.MODEL))]
    )
    found = scores.found_by_effect(wanted, judge.names, readable)
    assert f"Measured just now on {FACES} faces: {found.count} of {int(readable.sum())}" in said
    assert page.evaluate("document.activeElement.className") == "lesson-result", "its button is gone"
    assert page.locator("#lesson-pure").get_by_role("button").is_disabled(), "the others still wait for a guess"


def test_other_questions_need_no_network_and_share_what_was_measured(visit):
    page, _, asked = visit
    page.context.set_offline(True)
    before, wanted = len(asked), of_core()
    for name in ("turns", "same"):
        page.locator(f"#lesson-{name} label.lesson-guess").nth(2).click()
        page.locator(f"#lesson-{name}").get_by_role("button", name="Measure").click()
    turned = wanted.mean(1)[:, zoo.load_judge(lesson.MODEL).names.index("yaw")].abs()
    best = int(turned.argmax())
    assert ("Your guess was right." if best == 2 else f"Measured: {best + 1}.") in ended(page, "turns")
    for (_, value), amount in zip(table(page, "turns"), turned.tolist(), strict=True):
        assert abs(value - amount) < CLOSE
    ended(page, "same")
    most = wanted.mean(1).abs().argmax(1)
    shares = scores.same_sign(wanted)[range(len(most)), most]
    assert [value for _, value in table(page, "same")] == [round(100 * share) for share in shares.tolist()]
    assert len(asked) == before and "of 3." in page.locator(".lesson-score").inner_text()
    assert axe(page) == []


def test_where_pose_lives_and_what_truncation_hides_are_measured_too(visit):
    page, _, _ = visit
    generator, judge = zoo.load(lesson.MODEL), zoo.load_judge(lesson.MODEL)
    for name in ("layers", "hides"):
        page.locator(f"#lesson-{name} label.lesson-guess").first.click()
        page.locator(f"#lesson-{name}").get_by_role("button", name="Measure").click()
        ended(page, name)
    turn, groups = judge.names.index(lesson.TURN), lesson.groups_of(generator)
    best = int(of_core().mean(1)[:, turn].abs().argmax())
    for (_, value), slots in zip(table(page, "layers"), groups.values(), strict=True):
        (change,) = of_core(best, best + 1, tuple(slots))
        assert abs(value - abs(float(change.mean(0)[turn]))) < CLOSE
    read = {
        psi: scores.read_seeds(generator, judge.read, FACES, lesson.FIRST_FACE, psi=psi)[1].std(0) for psi in (0.5, 1.0)
    }
    kept = dict(zip((one.short for one in judge.factors), (read[0.5] / read[1.0]).tolist()))
    for label, value in table(page, "hides"):
        assert abs(value - 100 * kept[label]) <= 1
    page.context.set_offline(False)
    assert page.evaluate(PACES) == [2, 3, 4], "one of two measurements is faster, and both are ended"


def test_a_measurement_stops_and_goes_on(visit):
    page, host, _ = visit
    page.context.set_offline(False)
    page.goto(host)
    question = page.locator("#lesson-eigen")
    question.locator("label.lesson-guess").first.click()
    question.get_by_role("button", name="Measure").click()
    question.get_by_role("button", name="Stop").click()
    ended(page, "eigen")
    done = int(question.get_attribute("data-done"))
    assert 1 <= done < FACES and "Stopped." in question.inner_text()
    question.get_by_role("button", name="Go on measuring").click()
    page.wait_for_selector(f"#lesson-eigen[data-done='{FACES}']")


def test_without_the_engine_the_recorded_answers_are_said(visit):
    page, host, _ = visit
    page.goto(host + "?engine=server")
    question = page.locator("#lesson-turns")
    question.locator("label.lesson-guess").first.click()
    question.get_by_role("button", name="Measure").click()
    said = ended(page, "turns")
    assert "Recorded with the network: Knob" in said and "cannot measure here" in question.inner_text()


def test_the_questions_are_one_sheet_of_paper_and_the_answers_another(visit):
    page, host, _ = visit
    page.goto(host)
    page.wait_for_selector("#lesson-hides")
    page.evaluate("window.print = () => { window.printed = document.documentElement.className; }")
    for tells in (False, True):
        if tells:
            page.get_by_label("with the answers on a second page").check()
        page.get_by_role("button", name="Print the questions").click()
        page.evaluate("document.documentElement.className = window.printed")
        with pypdfium2.PdfDocument(io.BytesIO(page.pdf(prefer_css_page_size=True))) as sheet:
            texts = [one.get_textpage().get_text_range() for one in sheet]
            assert len(texts) == 1 + tells and sheet[0].get_width() == pytest.approx(595, abs=1)
        assert "7. " in texts[0] and "Why?" in texts[0]
        assert page.locator("#start-sentence").inner_text().split(".")[0] not in "".join(texts), "Start is not printed"
        assert ("Recorded with the network" in texts[-1]) == tells
