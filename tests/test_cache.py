"""Kept decisions: what opens, what is a miss, and what the address of a decision covers."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service import canonical, laws
from passport_service.cache import LONGEST, Cache, Finished, name_of
from passport_service.errors import ProposalError
from passport_service.seal import SIZE, Sealer
from passport_service.service import Service
from passport_service.store import Store, connector

from .examples import many
from .patience import PATIENCE, until
from .shipped import CONFIG, NOW, SHIPPED

SECRETS = (b"n" * 32, b"o" * 32)
BODY = b'{"a":1}'


def entry(id_="pd_a", until_=None, body=BODY):
    return Finished(id_, "full", body, until_, "1", "sha256:x", host="US", status="clear")


# -- seals ------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=40), st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_seal_opens_for_its_name_alone_and_for_no_other_bytes(name, payload, place, change):
    sealer = Sealer(SECRETS, "cache")
    sealed = sealer.seal(name, payload)
    assert sealer.open(name, sealed) == payload
    assert sealer.open(name + "x", sealed) is None
    assert Sealer(SECRETS, "other").open(name, sealed) is None
    assert sealer.open(name, sealed[:-1]) is None and sealer.open(name, sealed + b"x") is None
    place %= len(sealed)
    assert sealer.open(name, sealed[:place] + bytes([sealed[place] ^ change]) + sealed[place + 1 :]) is None


def test_secrets_rotate_the_newest_seals_and_the_older_still_open():
    old, new = Sealer(SECRETS[1:], "cache"), Sealer(SECRETS, "cache")
    assert new.open("a", old.seal("a", BODY)) == BODY
    assert old.open("a", new.seal("a", BODY)) is None


@pytest.mark.parametrize("secrets", [(), (b"short",)])
def test_a_sealer_without_a_proper_secret_is_not_made(secrets):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Sealer(secrets, "cache")


# -- entries ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(redis_server):
    found = Store(connector(redis_server.url), redis_server.url)
    assert found.wait(PATIENCE)
    yield found
    found.close()


def fresh(store, secrets=SECRETS) -> Cache:
    """A cache with nothing in memory, as a new process has it."""
    return Cache(Sealer(secrets, "cache"), store)


def test_what_one_process_keeps_another_finds(store):
    fresh(store).keep(entry(), NOW)
    found, how = until(lambda: (got := fresh(store).find("pd_a", "full", NOW))[0] and got)
    assert (found, how) == (entry(), "hit-redis")


def test_forged_truncated_swapped_and_foreign_entries_are_misses_and_counted(store, redis_server):
    fresh(store).keep(entry("pd_a"), NOW)
    fresh(store).keep(entry("pd_b", body=b'{"b":2}'), NOW)
    with redis_server.client() as client:
        until(lambda: client.exists(name_of("pd_a", "full"), name_of("pd_b", "full")) == 2)
        good, other = client.get(name_of("pd_a", "full")), client.get(name_of("pd_b", "full"))
        foreign = Sealer((b"f" * 32,), "cache").seal(name_of("pd_a", "full"), entry().pack())
        flipped = good[:-1] + bytes([good[-1] ^ 1])
        for wrong in (other, good[:-1], good[:SIZE], b"", b"x" * 5, foreign, flipped, entry().pack(), good + b" "):
            client.set(name_of("pd_a", "full"), wrong)
            cache = fresh(store)
            # Asked until the entry has come, which may take longer than the store waits for it.
            until(lambda cache=cache: cache.find("pd_a", "full", NOW) != (None, "miss") or cache.counts["bad-seal"])
            assert cache.find("pd_a", "full", NOW)[0] is None and cache.counts["bad-seal"] >= 1
        client.set(name_of("pd_a", "full"), good)
        assert until(lambda: fresh(store).find("pd_a", "full", NOW)[0]) == entry("pd_a")


def test_nothing_is_kept_without_an_end_or_beyond_its_day(store, redis_server):
    cache = fresh(store)
    cache.keep(entry("pd_a", NOW + dt.timedelta(seconds=30)), NOW)
    cache.keep(entry("pd_b", NOW), NOW)
    cache.keep(entry("pd_c"), NOW)
    with redis_server.client() as client:
        until(lambda: client.exists(name_of("pd_c", "full")))
        assert 0 < client.ttl(name_of("pd_a", "full")) <= 30
        assert not client.exists(name_of("pd_b", "full"))
        assert 0 < client.ttl(name_of("pd_c", "full")) <= LONGEST
    assert cache.recall(name_of("pd_a", "full"), NOW) is not None
    assert cache.recall(name_of("pd_a", "full"), NOW + dt.timedelta(seconds=31)) is None


def test_memory_is_bounded_and_keeps_what_was_used_last():
    cache = Cache(Sealer(SECRETS, "cache"), size=10_000)
    for number in range(50):
        cache.keep(entry(f"pd_{number}", body=b"x" * 1000), NOW)
        cache.recall(name_of("pd_0", "full"), NOW)
    assert cache.as_json()["memory"]["bytes"] <= 10_000
    assert cache.recall(name_of("pd_0", "full"), NOW) and not cache.recall(name_of("pd_1", "full"), NOW)


def test_what_was_sent_leads_to_its_answer_until_the_same_words_ask_something_else():
    cache, tomorrow = Cache(Sealer(SECRETS, "cache")), NOW + dt.timedelta(hours=3)
    cache.keep(entry(), NOW)
    cache.remember_asked("dated", entry(), NOW)
    cache.remember_asked("undated", entry(until_=tomorrow), NOW)
    assert cache.recall_asked("dated", NOW) == entry()
    assert cache.recall_asked("undated", NOW) == entry(until_=tomorrow)
    assert cache.recall_asked("undated", tomorrow) is None
    assert cache.recall_asked("dated", tomorrow) == entry()
    assert cache.recall_asked("never sent", NOW) is None


def test_what_was_sent_leads_nowhere_once_its_answer_is_forgotten():
    cache = Cache(Sealer(SECRETS, "cache"), size=10_000)
    cache.keep(entry("pd_0", body=b"x" * 1000), NOW)
    cache.remember_asked("a", entry("pd_0"), NOW)
    assert cache.recall_asked("a", NOW).body == b"x" * 1000
    for number in range(1, 50):
        cache.keep(entry(f"pd_{number}", body=b"x" * 1000), NOW)
    assert cache.recall_asked("a", NOW) is None


def test_one_question_asked_by_many_at_once_is_computed_once():
    cache, begun, go, made = Cache(Sealer(SECRETS, "cache")), threading.Event(), threading.Event(), []

    def compute():
        made.append(1)
        begun.set()
        go.wait(PATIENCE)
        cache.keep(entry(), NOW)
        return entry()

    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.through("pd_a", "full", NOW, compute)[0])) for _ in range(6)]
    threads[0].start()
    assert begun.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert made == [1] and found == [entry()] * 6


def test_a_failure_is_never_kept():
    cache = Cache(Sealer(SECRETS, "cache"))

    def fail():
        raise RuntimeError("no")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            cache.through("pd_a", "full", NOW, fail)
    assert cache.find("pd_a", "full", NOW) == (None, "miss")


# -- what the address covers --------------------------------------------------------------------------------------------

BODIES = [SHIPPED.case_ids[id_].proposal for id_ in sorted(SHIPPED.case_ids)]


def question(service, body):
    return service.question(service.schema.load(body), NOW)


def test_two_proposals_share_an_address_only_if_their_answers_are_the_same_bytes():
    rng = random.Random(7)
    seen: dict[str, bytes] = {}
    for body in rng.sample(BODIES, min(len(BODIES), many(60))):
        for other in (body, _rewritten(rng, body), {**body, "rely_on_staff_positions": False}, {**body, "as_of": "2027-03-01"}):
            try:
                id_, answer = question(SHIPPED, other).id, SHIPPED.decide(other, NOW).bytes()
            except ProposalError:
                continue
            assert seen.setdefault(id_, answer) == answer


def _rewritten(rng: random.Random, body):
    """The same proposal in another order."""
    keys = list(body)
    rng.shuffle(keys)
    return {key: {name: body[key][name] for name in reversed(body[key])} if isinstance(body[key], dict) else body[key] for key in keys}


def test_the_same_question_in_another_order_has_the_same_address():
    rng = random.Random(8)
    for body in rng.sample(BODIES, 50):
        assert question(SHIPPED, body).id == question(SHIPPED, _rewritten(rng, body)).id


def test_facts_date_scenario_options_and_detail_each_change_the_address():
    body = {
        "host": "US",
        "as_of": "2026-12-01",
        "registration": {"home": "GB"},
        "transaction": {"activities": ["deal_as_principal"]},
        "client": {"kind": "bank"},
    }
    others = [
        {**body, "as_of": "2026-12-02"},
        {**body, "client": {"kind": "insurance_company"}},
        {**body, "client": {"kind": {"unknown": True}}},
        {**body, "client": {}},
        {**body, "scenario": "reciprocity"},
        {**body, "attested": ["US-FC-07"]},
        {**body, "prefer": ["US-R03"]},
        {**body, "rely_on_staff_positions": False},
        {**body, "host": "GB", "registration": {"home": "US"}},
        {key: value for key, value in body.items() if key != "as_of"},
    ]
    ids = [question(SHIPPED, one).id for one in (body, *others)]
    assert len(set(ids)) == len(ids)
    assert name_of(ids[0], "full") != name_of(ids[0], "summary")


def test_a_corrected_paraphrase_changes_the_address(tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    path = tmp_path / "config" / "rulebooks" / "us" / "requirements_crime.yaml"
    before, says, after = path.read_text().partition("says: >-\n")
    assert says
    path.write_text(before + says + after.replace(".\n", ", as it were.\n", 1))
    changed = Service(laws.load(tmp_path / "config"))
    body = {"host": "US", "registration": {"home": "GB"}}
    assert question(changed, body).id != question(SHIPPED, body).id
    assert question(changed, {**body, "host": "GB"}).id == question(SHIPPED, {**body, "host": "GB"}).id


def test_the_answer_version_and_the_service_version_change_the_address(monkeypatch):
    body = {"host": "US", "registration": {"home": "GB"}}
    before = question(SHIPPED, body).id
    for name, value in (("ANSWER_VERSION", 999), ("__version__", "9.9.9")):
        with monkeypatch.context() as patch:
            patch.setattr(f"passport_service.service.{name}", value)
            assert question(SHIPPED, body).id != before


def test_an_answer_for_today_is_another_tomorrow():
    service = Service(SHIPPED.laws, Cache(Sealer(SECRETS, "cache")))
    body = {"host": "US", "registration": {"home": "GB"}}
    today, _ = service.ask(question(service, body), "full", NOW)
    assert today.expires <= NOW + dt.timedelta(days=1)
    given_, _ = service.ask(question(service, {**body, "as_of": "2026-11-23"}), "full", NOW)
    assert given_.id != today.id and given_.expires > today.expires


def test_a_kept_answer_is_byte_for_byte_the_computed_one(store):
    service = Service(SHIPPED.laws, fresh(store))
    rng = random.Random(9)
    for body in rng.sample(BODIES, many(15)):
        for detail in ("full", "summary"):
            asked = question(service, body)
            computed, first = service.ask(asked, detail, NOW)
            again, second = service.ask(asked, detail, NOW)
            assert computed.body == again.body == SHIPPED.decide(body, NOW).bytes(detail)
            assert first in ("miss", "hit-memory") and (second == "hit-memory" or computed.seconds(NOW) == 0)
            if computed.seconds(NOW):
                other = Service(SHIPPED.laws, fresh(store))
                found, how = until(lambda asked=asked, detail=detail, other=other: (got := other.cache.find(asked.id, detail, NOW))[0] and got)
                assert (found.body, how) == (computed.body, "hit-redis") or how == "hit-memory"


def test_packing_keeps_everything():
    one = replace(entry(until_=dt.datetime(2027, 1, 18, tzinfo=dt.UTC)), version=None, digest=None)
    cache = Cache(Sealer(SECRETS, "cache"))
    assert cache._open(one.id, "full", cache._sealer.seal(one.name, one.pack())) == one
    assert canonical.dump({"a": 1}) == BODY
