"""What must hold of each answer, judged from the tables at the instants at which its request was served.

A success has to be in the tables, byte for byte. A refusal has to have had its reason at some instant of the request,
and may have done nothing: not before it was told, and not afterwards.
"""

from typing import Any, Final

from chalicelib.store.commit import read_record
from chalicelib.store.keys import commit_key, state_key
from chalicelib.store.patience import MAXIMUM_TRIES
from chalicelib.store.port import Item
from tests.doubles.platform import Response
from tests.simulator.case import Case, account_key
from tests.simulator.commit import number
from tests.simulator.commit_rules import CommitRules
from tests.simulator.database import Database
from tests.simulator.finding import check
from tests.simulator.letter import Letter, Send
from tests.simulator.projection_rules import ProjectionRules
from tests.simulator.reasons import REASONS

KNOWN: Final = frozenset({200, 201, 400, 401, 402, 403, 404, 409, 412, 422, 503})
"""Nothing is ever our fault (500)."""

COMMITTED: Final = frozenset({200, 201, 402})
GIVES_UP: Final = frozenset({"busy", "version_conflict"})
DEADLINE_US: Final = 18_000_000
"""Nobody gives up earlier, unless all tries are used up."""

REVOKED_AFTER_US: Final = 6_000_000
"""An environment keeps a client's status for five seconds, and what it read may have been a second old."""

IN_DOUBT: Final = frozenset({"outcome_unknown", "client_revoked"})
"""What may be said although the commit is there: the first because nobody could look, the second before looking."""


class AnswerRules:
    """Judges every answer at the instant at which it is given, whether anybody hears it or not."""

    def __init__(self, database: Database, commits: CommitRules, projections: ProjectionRules) -> None:
        self._database = database
        self._commits = commits
        self._projections = projections
        self.revoked_us: dict[str, int] = {}

    def begin(self, send: Send) -> None:
        send.committed_before = send.letter.place in self._commits.made

    def judge(self, send: Send, answer: Response) -> None:
        """Raise a Finding if the answer is not true."""
        check(answer.status in KNOWN, send, "was told", answer.status, answer.text)
        self._revoked(send, answer)
        if send.letter.key is None:
            self._reading(send, answer)
        elif answer.status in COMMITTED:
            self._success(send, answer)
        else:
            self._refusal(send, answer)

    def _revoked(self, send: Send, answer: Response) -> None:
        client = send.letter.client.client_id
        since_us = self.revoked_us.get(client)
        late = since_us is not None and send.began_us > since_us + REVOKED_AFTER_US
        late &= send.letter.asked.path != "/v1/health"  # which answers anybody
        check(not late or answer.status in {401, 503}, client, "was revoked, and", send, "was told", answer.status)

    def _success(self, send: Send, answer: Response) -> None:
        place = send.letter.place
        check(place in self._commits.made, send, "was told", answer.status, "but there is no commit", place)
        maker = self._commits.made[place]
        assert maker is not None
        check(maker.letter.same_as(send.letter), send, "was given the answer to", maker)
        self.check_stored(send.letter, answer)
        replayed = answer.headers.get("Idempotent-Replayed") == "true"
        check(replayed or send.commits, send, "passes an old answer off as new")

    def check_stored(self, letter: Letter, answer: Response) -> None:
        """Compare an answer with the commit record, byte for byte."""
        item = self._database.items[commit_key(*letter.place)]
        stored = read_record(item).answer
        told = (answer.status, answer.text, answer.headers["ETag"])
        kept = (stored.status, stored.body.decode(), f'"{stored.version}"')
        check(told == kept, letter.place, "was told", told, "but", kept, "is kept")

    def _refusal(self, send: Send, answer: Response) -> None:
        code = answer.json["code"]
        check(code == "outcome_unknown" or not send.commits, send, "was told", code, "although it was done")
        if code == "idempotency_key_reused":
            maker = self._commits.made.get(send.letter.place)
            check(maker and not maker.letter.same_as(send.letter), send, "was told of another request, but:", maker)
            return
        check(not send.committed_before or code in IN_DOUBT, send, "was told", code, "although its commit is there")
        waited_us = self._database.now_us() - send.began_us
        tried = send.calls >= MAXIMUM_TRIES or waited_us >= DEADLINE_US
        check(code not in GIVES_UP or tried, send, "gave up after", send.calls, "calls and", waited_us, "us")
        self._reason(send, code, answer.text)

    def judge_decline(self, send: Send, record: Item) -> None:
        """Check, when a decline is committed, that it had its reason while the request was served."""
        answer = read_record(record).answer
        if answer.status == 402:
            code = "account_frozen" if b'"account_frozen"' in answer.body else "insufficient_funds"
            self._reason(send, code, answer.body.decode())

    def _reason(self, send: Send, code: str, told: str) -> None:
        reason = REASONS.get(code)
        if reason is not None:
            case = Case(self._database, send.letter, send.began_us)
            check(reason(case), send, "was refused without a reason:", told)

    # Reads: what is shown was there, and whoever is shown it may see it.

    def _reading(self, send: Send, answer: Response) -> None:
        if answer.status in {200, 404}:
            shown = answer.json
            rows = shown["data"] if shown.get("object") == "list" else [shown]
            for row in rows if answer.status == 200 else []:
                self._shown(send, row, is_list="data" in shown)
            if answer.status == 404:
                self._reason(send, shown["code"], answer.text)
        elif answer.status == 503:
            check(answer.json["code"] in {"busy", "outcome_unknown", "statement_behind"}, send, "was told", answer.text)
        else:
            self._reason(send, answer.json["code"], answer.text)

    def _shown(self, send: Send, row: dict[str, Any], *, is_list: bool) -> None:
        kind = row.get("object")
        if kind in {"entry", "event", "history_entry"}:
            self._projections.judge_shown(send, row)
        if kind not in {"account", "payment", "refund", "transfer"}:
            return
        client = send.letter.client
        key = state_key(client.tenant, kind, row["id"])
        since_us = send.began_us - (1_000_000 if is_list else 0)  # lists may be a second behind
        stood = [item for item in self._database.during(key, since_us) if item]
        check(any(item["v"] == row["version"] for item in stood), send, "was shown what never was:", row)
        case = Case(self._database, send.letter, send.began_us)
        check(case.sees(kind, stood[-1]), send, "was shown what is not its own:", row)
        if kind == "account" and "balance" in row and row["kind"] == "wallet":
            self._balance(send, row)

    def _balance(self, send: Send, row: dict[str, Any]) -> None:
        balances = self._database.during(account_key(send.letter.client.tenant, row["id"]), send.began_us)
        shown = row["balance"]
        told = (shown["posted"], shown["held"], shown["available"])
        stood = [(item["p"], item["h"], number(item, "p") - number(item, "h")) for item in balances if item]
        check(told in stood, send, "was shown a balance that never was:", told, "of", stood)
