"""The form for compliance staff: a few questions, then an answer that can be acted on, explained and filed.

Each view reads the journey from the request, makes one call and renders. Nothing is stored, there is no cookie and no script:
whoever has the link has the proposal, and a posted form only leads to another link.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from . import __version__, canonical, diagram, lawpage, memo, questions, replies, result, wording
from .access import needs
from .errors import MalformedError, Problem, ProposalError, TooLargeError, UnknownNameError
from .journey import Journey
from .negotiation import check_single
from .questions import Answers, Question
from .rulebook import Rulebook
from .service import Service

Clock = Callable[[], dt.datetime]
MAX_LINK = 3500  # characters: what every server and proxy on the way takes
MOST_FIELDS = 2000  # of a form: a page of ours has a few hundred
MOST_ASKED = 20  # questions on a page that names them
SHOWN = 100  # cases or provisions on a page of search results


def create_form(service: Service, clock: Clock, max_body: int) -> Blueprint:
    """The pages under `/`. Units: `max_body` bytes; `clock` gives times aware of their zone."""
    form = Blueprint("form", __name__)
    desk = _Desk(service, clock)
    rules = {
        "/": ("start", desk.start, ["GET", "POST"]),
        "/questions": ("questions", desk.questions, ["GET", "POST"]),
        "/answers": ("answers", desk.answers, ["GET"]),
        "/result": ("result", desk.result, ["GET", "POST"]),
        "/compare": ("compare", desk.compare, ["GET"]),
        "/memo": ("memo", desk.memo, ["GET"]),
        "/memo.pdf": ("memo_pdf", desk.memo_pdf, ["GET"]),
        "/checks.csv": ("checks_csv", desk.checks_csv, ["GET"]),
        "/proposal.json": ("proposal_json", desk.proposal_json, ["GET"]),
        "/open": ("open", desk.open, ["POST"]),
        "/cases": ("cases", desk.cases, ["GET"]),
        "/cases/<path:id_>": ("case", desk.case, ["GET"]),
        "/law": ("law", desk.law, ["GET"]),
    }
    for rule, (name, view, methods) in rules.items():
        form.add_url_rule(rule, name, needs("law" if name == "law" else "decide")(partial(view)), methods=methods)

    @form.before_request
    def limit() -> None:
        request.max_content_length = request.max_form_memory_size = max_body
        check_fields(("p", "k", "q", "host", "more", "strict", *(() if request.endpoint == "form.compare" else ("as_of", "scenario"))))

    @form.after_request
    def keep_private(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    @form.errorhandler(ProposalError)
    def unreadable(error: ProposalError) -> tuple[str, int]:
        return desk.unreadable(error), 422

    @form.errorhandler(memo.NoPdfError)
    def no_pdf(error: memo.NoPdfError) -> tuple[str, int]:
        return render_template("sorry.html", title="No PDF here", text=str(error), link=desk.journey().link(), **desk.words), 501

    return form


def check_fields(single: Collection[str]) -> None:
    """Bounds what a link or a posted form may hold before any of it is read; these fields stand in it once. Raises: TooLargeError, BadQueryError."""
    posted = request.get_data() if request.mimetype == "application/x-www-form-urlencoded" else b""  # kept: the form is then read from it
    if max(posted.count(b"&"), request.query_string.count(b"&")) > MOST_FIELDS:
        raise TooLargeError(f"The form has more than {MOST_FIELDS} fields.")
    check_single(request.values, single)


class _Desk:
    """The views, over one service."""

    def __init__(self, service: Service, clock: Clock):
        self.service, self.clock = service, clock
        self.catalogue, self.schema = service.laws.catalogue, service.schema
        self.case_texts = [(case, f"{id_} {case.title} {case.note} {case.expect['status']}".lower()) for id_, case in service.case_ids.items()]
        self.names = sorted(self.catalogue.facts, key=len, reverse=True)
        self.words = {"wording": wording, "catalogue": self.catalogue, "version": __version__, "laws": service.laws}

    # -- asking -----------------------------------------------------------------------------------------------------------

    def start(self) -> str | AnyResponse | tuple[str, int]:
        """The first page: what settles most, or a case to open."""
        journey = self.journey() if "p" in request.values else Journey({})
        if request.method == "GET":
            return self._start(journey)
        answers = questions.read_answers(self.catalogue, self.catalogue.start, _fields())
        options: dict[str, Any] = {name: request.form.get(name, "").strip() or None for name in ("host", "as_of", "scenario")}
        options["rely_on_staff_positions"] = False if request.form.get("strict") else None
        if journey.body.get("host") not in (None, options["host"]):
            options |= {"prefer": None, "attested": None, "rulebook": None}  # ids of another host's law
        try:
            changed = self._answered(journey.choosing(**options), answers)
        except ProposalError as error:
            return self._start(journey.choosing(**options), answers, error.problems), 422
        return self._go("questions", changed)

    def _start(self, journey: Journey, answers: Answers | None = None, problems: Iterable[Problem] = ()) -> str:
        asked = [self._question(journey, {"fact": name}, answers, problems) for name in self.catalogue.start]
        return self._render("start.html", journey, asked=asked, errors=self._errors(problems, [one.id for one in asked]), cases=self._featured())

    def questions(self) -> str | AnyResponse | tuple[str, int]:
        """The next short group of questions, or the one that was asked for."""
        journey = self.journey()
        if request.method == "POST":
            return self._take(journey)
        wanted = self._named("fact")
        body = self._decide(journey)
        if wanted:
            held = {row["fact"]: row for row in body["missing"]}
            return self._ask(journey, body, [held.get(name, {"fact": name}) for name in wanted])
        rows = questions.page(body, self.catalogue)
        if not rows or (body["status"] != "undetermined" and "more" not in request.args):
            return self._go("result", journey)
        return self._ask(journey, body, rows)

    def _named(self, field: str) -> list[str]:
        """The facts that are asked about in one page. Raises: TooLargeError."""
        found = [name for name in dict.fromkeys(request.values.getlist(field)) if self._known(name)]
        if len(found) > MOST_ASKED:
            raise TooLargeError(f"A page asks at most {MOST_ASKED} questions; this names {len(found)}.")
        return found

    def _take(self, journey: Journey) -> str | AnyResponse | tuple[str, int]:
        names = self._named("ask")
        answers = questions.read_answers(self.catalogue, names, _fields())
        if names and not answers.given and not answers.problems and not journey.facts().keys() & set(names):
            answers.problem(names[0], "choose an answer, or say that you don't know")
        try:
            changed = self._answered(journey, answers)
        except ProposalError as error:
            body = self._decide(journey)
            held = {row["fact"]: row for row in body["missing"]}
            return self._ask(journey, body, [held.get(name, {"fact": name}) for name in names], answers, error.problems), 422
        return self._go("questions", changed, **({"more": "1"} if "more" in request.form else {}))

    def _answered(self, journey: Journey, answers: Answers) -> Journey:
        """The journey after these answers. Raises: ProposalError with all that is wrong with them."""
        problems, more = list(answers.problems), False
        try:
            changed = journey.answered(self.schema, answers.given, answers.blank)
            self._decide(changed)
        except ProposalError as error:
            problems, more = [*problems, *error.problems], error.more
        if problems:
            raise ProposalError(problems, more)
        if sum(map(len, changed.link().values())) > MAX_LINK:
            raise ProposalError([Problem("", "the proposal has grown too long for a link; send it to the API as JSON")])
        return changed

    def _ask(
        self,
        journey: Journey,
        body: Mapping[str, Any],
        rows: Iterable[Mapping[str, Any]],
        answers: Answers | None = None,
        problems: Iterable[Problem] = (),
    ) -> str:
        asked = [self._question(journey, row, answers, problems) for row in rows]
        left = questions.to_ask(body, self.catalogue)
        return self._render(
            "questions.html",
            journey,
            asked=asked,
            body=body,
            errors=self._errors(problems, [one.id for one in asked]),
            group=self.catalogue.groups[asked[0].fact.group],
            left=sum(row["settles_what"] == "status" for row in left) or len(left),
            legs=result.legs(body, self.catalogue, self._rulebook(journey)),
            more="more" in request.values,
        )

    def _question(self, journey: Journey, row: Mapping[str, Any], answers: Answers | None, problems: Iterable[Problem]) -> Question:
        fact = self.catalogue.facts[row["fact"]]
        told = tuple(self._told(problem) for problem in problems if _fact_of(problem) == fact.name)
        exists = self.catalogue.exists.get(fact.group)
        nobody = self.catalogue.facts[exists].question if exists and exists != fact.name and fact.name in self.catalogue.start else ""
        facts = journey.facts()
        value = questions.NOBODY if nobody and facts.get(exists) is False else facts.get(fact.name, journey.aside.get(fact.name))
        return Question(fact, row if "settles" in row else None, value, answers.typed if answers else None, told, nobody)

    # -- answering ----------------------------------------------------------------------------------------------------------

    def answers(self) -> str:
        """Everything answered so far, each with a link to change it."""
        journey = self.journey()
        body = self._decide(journey)
        aside = [self.catalogue.facts[name] for name in journey.aside if self._known(name)]
        return self._render("answers.html", journey, body=body, aside=aside, stated=result.stated(journey, self.catalogue))

    def result(self) -> str | AnyResponse:
        """The answer. A posted form ticks evidence that the firm holds."""
        journey = self.journey()
        if request.method == "POST":
            held, shown = request.form.getlist("held"), set(request.form.getlist("shown"))
            attested = [id_ for id_ in journey.body.get("attested", ()) if id_ not in shown] + held
            changed = journey.choosing(attested=sorted(set(attested)) or None)
            self._decide(changed)
            return self._go("result", changed)
        return self._render("result.html", journey, trace="trace" in request.args, **self._answer(journey))

    def _answer(self, journey: Journey) -> dict[str, Any]:
        """What a page about a whole answer shows."""
        body, rulebook = self._decide(journey), self._rulebook(journey)
        legs = result.legs(body, self.catalogue, rulebook)
        return {
            "body": body,
            "before": result.by_party(body["checks"]),
            "later": result.by_party([*body["duties"], *body["others"]]),
            "legs": legs,
            "pictures": {leg["leg"]: [diagram.picture(leg["routes"], width) for width in (720, 330)] for leg in legs},
            "caveats": result.caveats(body, rulebook),
            "summary": result.in_one_line(body),
            "left": questions.to_ask(body, self.catalogue),
            "stated": result.stated(journey, self.catalogue),
            "traced": result.trace(body, rulebook),
            "proposal": canonical.dump(journey.body).decode(),  # what a receipt is asked for with
        }

    def compare(self) -> str:
        """The same proposal under scenarios and on other dates, differences first."""
        journey = self.journey()
        host = journey.body.get("host")
        speaking = [found for found in self.service.laws.scenarios.values() if host in found.hosts]
        picked = request.args.getlist("scenario") if "chosen" in request.args else [found.name for found in speaking]
        dates = [text for text in request.args.getlist("as_of") if text]
        columns = [{"scenario": name} for name in picked] + [{"as_of": text} for text in dates]
        problems: tuple[Problem, ...] = ()
        try:
            matrix = self.service.compare({"proposal": journey.body, "columns": columns}, self.clock())
        except ProposalError as error:
            problems = error.problems
            matrix = self.service.compare({"proposal": journey.body, "columns": []}, self.clock())
        told = [{"text": self._told(problem), "href": "#as_of"} for problem in problems]
        return self._render(
            "compare.html", journey, matrix=matrix, speaking=speaking, picked=picked, dates=dates, errors=told, in_one_line=result.in_one_line
        )

    # -- filing -------------------------------------------------------------------------------------------------------------

    def memo(self) -> Response:
        """The memo as a page to print, whole in itself."""
        html = self._memo()
        response = Response(html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = replies.policy(html)
        return response

    def _memo(self) -> str:
        journey = self.journey()
        address = url_for("form.result", **journey.link(), _external=True)
        return self._render("memo.html", journey, address=address, now=self.clock(), **self._answer(journey))

    def memo_pdf(self) -> Response:
        return _file(memo.pdf(self._memo()), "application/pdf", f"{self._decide(self.journey())['id']}.pdf")

    def checks_csv(self) -> Response:
        body = self._decide(self.journey())
        return _file(memo.checklist(body), "text/csv; charset=utf-8", f"{body['id']}.csv")

    def proposal_json(self) -> Response:
        journey = self.journey()
        return _file(canonical.dump(journey.body), "application/json", f"{self._decide(journey)['id']}.json")

    def open(self) -> AnyResponse:
        """A saved proposal, as a file or pasted."""
        file = request.files.get("file")
        raw = file.read() if file else b""
        raw = raw or request.form.get("text", "").encode("utf-8", "surrogatepass")
        body = canonical.load(raw.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(body, dict):
            raise MalformedError("A proposal is a JSON object.")
        journey = Journey(body)
        self._decide(journey)
        return self._go("result", journey)

    # -- cases and law --------------------------------------------------------------------------------------------------------

    def cases(self) -> str:
        """The worked cases, searched."""
        query, host = request.args.get("q", "").strip()[:100], request.args.get("host", "")
        words = set(query.lower().split())
        found = [case for case, text in self.case_texts if host in ("", case.proposal["host"]) and all(map(text.__contains__, words))]
        return self._render("cases.html", None, found=found[:SHOWN], count=len(found), query=query, at=host)

    def case(self, id_: str) -> AnyResponse:
        if id_ not in self.service.case_ids:
            raise UnknownNameError("worked case", id_, self.service.case_ids)
        return self._go("result", Journey(self.service.case_ids[id_].proposal))

    def _featured(self) -> list[Any]:
        """A case of each host and outcome for the first page, the first of the rulebook each time."""
        found: dict[tuple[str, str], Any] = {}
        for case in self.service.case_ids.values():
            if "/" not in case.id and case.title and "scenario" not in case.proposal:
                found.setdefault((case.proposal["host"], case.expect["status"]), case)
        return [found[key] for key in sorted(found)]

    def law(self) -> str:
        """The rulebooks, and provisions that a search finds."""
        query = request.args.get("q", "").strip()[:100]
        found = lawpage.search(self.service.laws, query) if query else []
        return self._render("search.html", None, found=found[:SHOWN], count=len(found), query=query)

    # -- common ---------------------------------------------------------------------------------------------------------------

    def journey(self) -> Journey:
        """The journey in the request, from a link or a form's hidden fields. Raises: MalformedError, TooLargeError."""
        if not request.values.get("p"):
            raise MalformedError("The link holds no proposal. Begin at the start page.")
        return Journey.read(request.values["p"], request.values.get("k", "")).trusted(self.schema)

    def _decide(self, journey: Journey) -> Mapping[str, Any]:
        return self.service.decide(journey.body, self.clock()).body

    def _rulebook(self, journey: Journey) -> Rulebook | None:
        return self.service.laws.rulebook(str(journey.body.get("host")), journey.body.get("scenario"))

    def _known(self, name: str) -> bool:
        return name in self.catalogue.facts and name not in self.catalogue.derived

    def _go(self, page: str, journey: Journey, **more: str) -> AnyResponse:
        link = journey.link()
        if sum(map(len, link.values())) > MAX_LINK:
            raise TooLargeError("The proposal is too long for a link; send it to the API as JSON.")
        return redirect(url_for(f"form.{page}", **link, **more), 303)

    def _render(self, template: str, journey: Journey | None, **more: Any) -> str:
        link = journey.link() if journey and journey.body else {}
        rulebook = self._rulebook(journey) if journey else None
        host = rulebook.head.title if rulebook else str(journey.body.get("host", "")) if journey else ""
        return render_template(
            template,
            journey=journey,
            link=link,
            host=host,
            headline=result.headline(journey, self.catalogue, host) if journey else "",
            options=result.chosen_options(journey, self.service.laws) if journey else [],
            title_of=lambda id_: result.title(rulebook, id_),
            offered=questions.offered,
            route_ids=rulebook.routes if rulebook else {},
            **self.words,
            **more,
        )

    def _errors(self, problems: Iterable[Problem], on_page: Iterable[str]) -> list[dict[str, str]]:
        """The lines of an error summary, each linked to its field or to the question that is elsewhere."""
        on_page = set(on_page)
        found = []
        for problem in problems:
            name = _fact_of(problem)
            if name in on_page or not self._known(name):
                href = f"#{name or 'host'}"
            else:
                href = url_for("form.questions", **self.journey().link(), fact=name) if "p" in request.values else "#main"
            found.append({"text": self._told(problem), "href": href})
        return found

    def _told(self, problem: Problem) -> str:
        """A problem in words, with questions in place of the names of facts."""
        text = problem.detail
        for name in self.names:
            text = text.replace(name, f"“{wording.named(name)}”") if name in text else text
        text = text[:1].upper() + text[1:]
        return f"{text}; did you mean {problem.did_you_mean}?" if problem.did_you_mean else f"{text}."

    def unreadable(self, error: ProposalError) -> str:
        """A link or file whose answers cannot be read: what is wrong, and the way on without them."""
        rows = [{"where": problem.pointer or "/", "text": self._told(problem)} for problem in error.problems]
        journey = self.journey() if "p" in request.values else Journey({})
        kept = journey.without(_fact_of(problem) for problem in error.problems)
        link = kept.link() if kept.body != journey.body else {}
        return self._render("unreadable.html", None, rows=rows, way_on=link)


def _fields() -> dict[str, list[str]]:
    return dict(request.form.lists())


def _fact_of(problem: Problem) -> str:
    """The name of the fact, or of the option, that a problem's pointer speaks of."""
    return ".".join(problem.pointer.split("/")[1:3]) if problem.pointer.count("/") > 1 else problem.pointer[1:]


def _file(content: bytes, mimetype: str, name: str) -> Response:
    return Response(content, content_type=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
