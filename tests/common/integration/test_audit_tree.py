"""Committed entries get their place in the tree, each once; heads are signed and told; a witness sees what cannot be."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from common import audit
from common.audit import merkle
from common.audit.canonical import SELECTED, entry_leaf
from common.audit.heads import Head, HeadKeyError, HeadKeys, UnprovenHeadError, b64, make_key, signer_of, unb64
from common.audit.tree import roots
from common.contracts.audit import AuditHeadSigned
from common.database import Database, fetch_all
from common.testing import FixedClock
from tests.plugins.audit import ANN, Trail

LEAVES = "SELECT leaf_index, entry_id, hash FROM audit_leaf ORDER BY leaf_index"


@pytest.fixture
def trail(database: Database, tmp_path: Path, clock: FixedClock) -> Trail:
    return Trail(database, tmp_path / "keys", clock)


async def test_each_committed_entry_has_one_leaf_and_the_head_is_the_root_over_them(trail: Trail) -> None:
    for count in (1, 2, 20, 45):
        await trail.grow(count)
    entries = await trail.rows(f"SELECT {SELECTED} FROM audit_entry e ORDER BY position")
    leaves = await trail.rows(LEAVES)
    assert [row["leaf_index"] for row in leaves] == list(range(68))
    assert [(row["entry_id"], row["hash"]) for row in leaves] == [(e["id"], entry_leaf(dict(e))) for e in entries]
    growing, heads = merkle.Growing(), {r["tree_size"]: r["root"] for r in await trail.rows("SELECT * FROM audit_head")}
    assert list(heads) == [1, 3, 23, 68]
    for leaf in leaves:
        growing.add(leaf["hash"])
        assert heads.get(growing.size, growing.root) == growing.root
    assert await trail.rows("SELECT 1 FROM audit_pending") == []


async def test_small_batches_grow_the_same_tree(trail: Trail) -> None:
    await trail.write(40)
    sequencer = trail.sequencer(batch=7)
    assert [await sequencer.round() for _ in range(7)] == [7, 7, 7, 7, 7, 5, 0]
    (head,) = await trail.rows("SELECT root FROM audit_head ORDER BY tree_size DESC LIMIT 1")
    growing = merkle.Growing()
    for leaf in await trail.rows(LEAVES):
        growing.add(leaf["hash"])
    assert head["root"] == growing.root
    assert len(await trail.rows("SELECT 1 FROM audit_node")) == 2


async def test_an_entry_that_commits_late_comes_behind_those_that_overtook_it(trail: Trail) -> None:
    slow, done = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        async with trail.database.unit_of_work() as session:
            await audit.record(session, audit.AuditEvent(ANN, "t", "late", "done"), now=trail.clock.now())
            assert await fetch_all(session, "SELECT FROM audit_entry"), "it was not written"
            slow.set()
            await done.wait()

    running = asyncio.create_task(late())
    await slow.wait()
    await trail.grow(2)
    done.set()
    await running
    await trail.grow(0)
    rows = await trail.rows(
        "SELECT e.action, e.position FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry_id ORDER BY leaf_index"
    )
    assert [row["action"] for row in rows] == ["thing.read", "thing.read", "late"]
    assert rows[2]["position"] == 1


async def test_two_sequencers_give_no_entry_two_places(trail: Trail) -> None:
    await trail.write(60)
    one, two = trail.sequencer(batch=5), trail.sequencer(batch=5)
    while sum(await asyncio.gather(one.round(), two.round())):
        pass
    assert [row["leaf_index"] for row in await trail.rows(LEAVES)] == list(range(60))


async def test_what_is_rolled_back_leaves_no_trace_and_without_entries_there_is_no_head(trail: Trail) -> None:
    with pytest.raises(RuntimeError):
        async with trail.database.unit_of_work() as session:
            await audit.record(session, audit.AuditEvent(ANN, "t", "a", "done"), now=trail.clock.now())
            raise RuntimeError
    await trail.grow(0)
    assert await trail.rows("SELECT 1 FROM audit_pending UNION ALL SELECT 1 FROM audit_head") == []


async def test_heads_are_told_with_a_proof_that_the_tree_only_grew(trail: Trail) -> None:
    for count in (3, 5, 30):
        await trail.grow(count)
    told, keys = await trail.told(), HeadKeys.read(trail.public)
    assert [(one.previous_size, one.tree_size) for one in told] == [(0, 3), (3, 8), (8, 38)]
    for one in told:
        assert keys.check(one.statement) == Head("transcripts", one.tree_size, unb64(one.root_hash), one.signed_at)
        assert one.key == "transcripts"
    for old, new in itertools.pairwise(told):
        path = [unb64(node) for node in new.consistency_path]
        assert merkle.extends(old.tree_size, unb64(old.root_hash), new.tree_size, unb64(new.root_hash), path)


async def test_proofs_from_the_store_hold(trail: Trail) -> None:
    await trail.grow(70)
    leaves = [row["hash"] for row in await trail.rows(LEAVES)]
    async with trail.database.reading() as session:
        (root,) = await roots(session, [(0, 70)])
        for index in (0, 15, 16, 63, 64, 69):
            path = await roots(session, merkle.inclusion_path(index, 70))
            assert merkle.includes(leaves[index], index, 70, path, root)


async def test_an_entry_that_waits_makes_the_sequencer_unhealthy(trail: Trail) -> None:
    await trail.write(1)
    sequencer = trail.sequencer()
    await sequencer._look_at_lag()
    assert sequencer.healthy
    async with trail.database.unit_of_work() as session:
        await fetch_all(session, "UPDATE audit_pending SET added_at = added_at - interval '2 minutes'")
    await sequencer._look_at_lag()
    assert not sequencer.healthy
    await trail.grow(0)
    await sequencer._look_at_lag()
    assert sequencer.healthy


class TestKeys:
    def test_a_key_signs_for_its_own_service_alone(self, trail: Trail) -> None:
        keys, head = HeadKeys.read(trail.public), Head("retention", 1, b"\0" * 32, trail.clock.now())
        with pytest.raises(UnprovenHeadError, match="another service"):
            keys.check(trail.signer.statement(head))

    def test_after_a_change_of_key_both_are_believed(self, trail: Trail) -> None:
        head = Head("transcripts", 1, b"\0" * 32, trail.clock.now())
        before = trail.signer.statement(head)
        make_key(trail.keys, "transcripts")
        keys = HeadKeys.read(trail.public)
        assert keys.check(before) == keys.check(trail.signer.statement(head)) == head
        assert trail.signer.statement(head) != before

    @pytest.mark.parametrize("statement", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_what_is_no_statement_proves_nothing(self, trail: Trail, statement: str) -> None:
        with pytest.raises(UnprovenHeadError):
            HeadKeys.read(trail.public).check(statement)

    def test_without_its_key_no_service_starts(self, trail: Trail, tmp_path: Path) -> None:
        private = str(trail.keys / "transcripts.pem")
        assert (trail.keys / "transcripts.pem").stat().st_mode & 0o077 == 0
        assert signer_of("transcripts", private, trail.public).key_id
        for key_file, keys in (("", trail.public), (private, ""), (trail.public, trail.public)):
            with pytest.raises(HeadKeyError, match="MUNIMENT_AUDIT_KEY"):
                signer_of("transcripts", key_file, keys)
        make_key(tmp_path / "other", "transcripts")
        with pytest.raises(HeadKeyError, match="not in it"):
            signer_of("transcripts", str(tmp_path / "other" / "transcripts.pem"), trail.public)


class TestWitness:
    """A holder of another service's heads."""

    @pytest.fixture
    def holder(self, trail: Trail) -> Trail:
        """In one database here: tables of signing and holding do not touch."""
        return replace(trail, service="retention")

    def forged(self, trail: Trail, head: AuditHeadSigned, **changes: object) -> AuditHeadSigned:
        """The head changed, and signed by the service's own key."""
        other = head.model_copy(update=changes)
        signed = Head("transcripts", other.tree_size, unb64(other.root_hash), other.signed_at)
        return other.model_copy(update={"statement": trail.signer.statement(signed)})

    async def test_true_heads_are_held_and_raise_no_alarm(self, trail: Trail, holder: Trail) -> None:
        for count in (3, 5, 30):
            await trail.grow(count)
        told = await trail.told()
        await holder.hold(told[0])
        await holder.hold(*told)
        assert await holder.verdicts() == [(3, "first"), (8, "consistent"), (38, "consistent")]
        assert await holder.rows("SELECT 1 FROM audit_entry WHERE action = 'audit.witness.alarm'") == []

    async def test_a_service_is_no_witness_of_itself(self, trail: Trail) -> None:
        await trail.grow(3)
        await trail.hold(*await trail.told())
        assert await trail.verdicts() == []

    async def test_another_root_at_the_same_size_is_equivocation(self, trail: Trail, holder: Trail) -> None:
        await trail.grow(3)
        (head,) = await trail.told()
        await holder.hold(head, self.forged(trail, head, root_hash=b64(b"\1" * 32)))
        assert await holder.verdicts() == [(3, "first"), (3, "equivocation")]

    @pytest.mark.parametrize(
        ("changes", "verdict"),
        [
            ({"tree_size": 2}, "rolled_back"),
            ({"tree_size": 9, "previous_size": 8}, "inconsistent"),
            ({"tree_size": 9, "previous_size": 7}, "gap"),
        ],
    )
    async def test_a_head_that_does_not_continue_is_an_alarm(
        self, trail: Trail, holder: Trail, changes: dict[str, object], verdict: str
    ) -> None:
        await trail.grow(3)
        await trail.grow(5)
        told = await trail.told()
        await holder.hold(*told, self.forged(trail, told[1], root_hash=b64(b"\1" * 32), **changes))
        assert (await holder.verdicts())[2] == (changes["tree_size"], verdict)
        (alarm,) = await holder.rows("SELECT * FROM audit_entry WHERE action = 'audit.witness.alarm'")
        assert (alarm["user_id"], alarm["fields"]) == ("service:retention", [verdict])
        assert alarm["record_ids"] == [f"transcripts:{changes['tree_size']}"]

    async def test_what_another_key_signed_is_kept_and_never_a_base(self, trail: Trail, holder: Trail) -> None:
        await trail.grow(3)
        await trail.grow(5)
        first, second = await trail.told()
        stolen = replace(trail, service="retention").signer.statement(
            Head("transcripts", 3, unb64(first.root_hash), first.signed_at)
        )
        misstated = second.model_copy(update={"signed_at": second.signed_at + timedelta(hours=1)})
        await holder.hold(first.model_copy(update={"statement": stolen}), misstated)
        await holder.hold(first, second)
        assert [verdict for _, verdict in await holder.verdicts()] == ["unproven", "unproven", "first", "consistent"]

    async def test_the_same_head_told_twice_is_held_once(self, trail: Trail, holder: Trail) -> None:
        await trail.grow(3)
        (head,) = await trail.told()
        await holder.hold(head)
        await holder.hold(head)
        await holder.hold(self.forged(trail, head, signed_at=head.signed_at + timedelta(hours=1)))
        assert await holder.verdicts() == [(3, "first")]
