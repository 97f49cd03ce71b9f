"""`GET /lessons`: questions for a lesson as one plain page that prints as a worksheet, with the answers on its end.

Each question has a link that opens the page where it can be answered, guesses, and an answer that was measured.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core import lessons, zoo
from demos.page.fields import VERSION, WEIGHTS, WEIGHTS_DIGITS

from .address import Reach, page_of

TABS = dict(
    steer="Steer",
    paint="Paint",
    restore="Restore",
    inside="Look inside",
    attributes="Attributes",
    my_picture="My picture",
    restyle="Restyle",
)
UNMEASURED = "This was not measured for the weights that are here. {where} measures it."
BEFORE = (
    "Ask, let everybody tick a guess, then open the link and look. The answer is folded below each question, and every "
    "number in it was measured; on paper the answers come last."
)
AFTER = (
    "Before you leave: name one thing that this network knows, one that it cannot know, and the number that says so."
)


@lru_cache(maxsize=1)
def questions() -> dict[str, list[dict]]:
    """Those of each tab, as lessons.toml has them."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def query(tab: str, question: Mapping) -> str:
    """What stands after "?" in the link of a question: the tab, the network and its weights, the recipe's
    fields, and what is brought into sight."""
    model = lessons.QUESTIONS[question["name"]].model
    weights = zoo.weights_hash(model)[:WEIGHTS_DIGITS]
    show = {"show": question["show"]} if "show" in question else {}
    return urlencode(dict(tab=tab, v=VERSION, model=model, **question["opens"], **{WEIGHTS: weights}, **show), safe=",")


def told(question: Mapping) -> tuple[str, str]:
    """A question and its answer, in sentences."""
    where = question["where"][:1].upper() + question["where"][1:]
    measured = lessons.answer(question["name"])
    if measured is None:
        return question["asks"].replace("{of}", "all"), UNMEASURED.format(where=where)
    said = re.sub(r"-(?=\d)", "−", question["answer"].format(**measured))
    return question["asks"].format(**measured), f"{said[:1].upper()}{said[1:]} On the page: {question['where']}."


def here(tab: str) -> list[dict]:
    """The questions of a tab whose network is on the page."""
    return [one for one in questions()[tab] if lessons.QUESTIONS[one["name"]].model in zoo.CARDS]


# --- the page

LOOKS = """
body{max-width:46em;margin:5vh auto;padding:0 16px;font:17px/1.5 system-ui,sans-serif;color:#1f1d1a;background:#fff}
h2{margin:2em 0 .4em}a{color:#0f766e}li{margin:1.1em 0;break-inside:avoid}li p,.guesses{margin:.2em 0}
.paper{display:none}label{display:inline-block;margin-right:1.4em}summary{cursor:pointer;color:#55504a;width:fit-content}
@media screen and (max-width:600px){.code{display:none}}
li::after{content:"";display:block;clear:both}.code{float:right;width:96px;height:96px;margin:0 0 4px 12px}
@page{size:A4;margin:15mm}
@media print{body{margin:0;max-width:none;font-size:11pt}.screen,details{display:none}.paper{display:block}
h2{break-after:avoid}.answers{break-before:page;font-size:10pt}.answers li{margin:.5em 0}}
"""


def page(reach: str) -> str:
    """The whole page. reach: the address at which others open the app, "" where they cannot."""
    asked, answers = [], []
    for tab, title in TABS.items():
        told_here = [(one, *told(one)) for one in here(tab)]
        if told_here:
            items = "".join(_asked(tab, *one, reach) for one in told_here)
            asked.append(f'<h2 id="{tab}">{title}</h2><ol>{items}</ol>')
            answers.append(f"<h3>{title}</h3><ol>{''.join(f'<li>{escape(said)}</li>' for *_, said in told_here)}</ol>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{LOOKS}</style>'
    first = f'<h1>Questions for a lesson</h1><p>{BEFORE}</p><p class="screen"><a href="./">Back to the page</a></p>'
    last = f'<p><b>{AFTER}</b></p><section class="paper answers"><h2>Answers</h2>{"".join(answers)}</section>'
    body = f"<main>{first}{''.join(asked)}{last}</main>"
    title = "<title>Questions for a lesson: GANatomy</title>"
    return f'<!doctype html><html lang="en"><head>{head}{title}</head><body>{body}</body></html>'


def _asked(tab: str, question: Mapping, asks: str, said: str, reach: str) -> str:
    link = escape(query(tab, question))
    boxes = "".join(f'<label><input type="checkbox"> {escape(one)}</label>' for one in question["guesses"])
    code = f'<img class="code" src="qr?{link}" alt="QR code of this question’s link">' if reach else ""
    opens = f'<p class="screen"><a href="./?{link}">Open the page there</a></p>'
    answer = f"<details><summary>Answer</summary><p>{escape(said)}</p></details>"
    return f'<li>{code}<p>{escape(asks)}</p><div class="guesses">{boxes}</div>{opens}{answer}</li>'


def route(reach: Reach) -> Route:
    async def answer(request: Request) -> Response:
        made = await anyio.to_thread.run_sync(page, page_of(request.scope, reach))
        return HTMLResponse(made, headers={"Cache-Control": "no-store"})

    return Route("/lessons", answer, methods=["GET"])
