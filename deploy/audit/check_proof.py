"""Checks a proof of an audit trail without the platform: Python's own library is all it needs.

    python check_proof.py inclusion.json            what GET /v1/audit/proofs/inclusion answered
    python check_proof.py consistency.json          what GET /v1/audit/proofs/consistency answered
    python check_proof.py decisions.json            what POST /v1/audits/decisions/export answered, and other registers' exports

It prints what is proven and ends with 0, or with 1 when the proof does not hold. What it proves is relative to the root
hashes: compare them with a head that you, or another service, took away before. The algorithms are those of RFC 9162, sections
2.1.3.2 and 2.1.4.2. Who signed a head is another question: `statement` is a JWS (RFC 7515) with an Ed25519 key.
"""

import base64
import hashlib
import json
import sys


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def up(index: int, last: int, from_left: bool) -> tuple[int, int]:
    """One level up; past a node that stands alone at the right edge, as many as it takes."""
    while from_left and index and not index & 1:
        index, last = index >> 1, last >> 1
    return index >> 1, last >> 1


def included(proof: dict) -> bool:
    index, last = proof["leaf_index"], proof["tree_size"] - 1
    found = hashlib.sha256(b"\x00" + proof["leaf_input"].encode()).digest()
    if not 0 <= index <= last:
        return False
    for text in proof["inclusion_path"]:
        if last == 0:
            return False
        from_left = bool(index & 1) or index == last
        found = node(base64.b64decode(text), found) if from_left else node(found, base64.b64decode(text))
        index, last = up(index, last, from_left)
    return last == 0 and found == base64.b64decode(proof["root_hash"])


def continues(proof: dict) -> bool:
    first, second = proof["tree_size_1"], proof["tree_size_2"]
    roots = base64.b64decode(proof["root_hash_1"]), base64.b64decode(proof["root_hash_2"])
    path = [base64.b64decode(text) for text in proof["consistency_path"]]
    if not 0 < first <= second or first == second:
        return first == second and first > 0 and not path and roots[0] == roots[1]
    if first & (first - 1) == 0:
        path.insert(0, roots[0])
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    if not path:
        return False
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        from_left = bool(index & 1) or index == last
        old, new = (node(one, old), node(one, new)) if from_left else (old, node(new, one))
        index, last = up(index, last, from_left)
    return last == 0 and (old, new) == roots


def covered(row: dict, export: dict) -> bool:
    """Whether the row is proven as far as it says: the entry stands in the export's tree, and names row and content."""
    proof = row["proof"]
    if proof is None or (proof["root_hash"], proof["tree_size"]) != (export["root_hash"], export["tree_size"]):
        return False
    entry = json.loads(proof["leaf_input"])
    form = json.dumps(row["row"], sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    content = row["covers"] == "act" or "sha256:" + hashlib.sha256(form).hexdigest() in entry["fields"]
    return row["row"]["id"] in entry["record_ids"] and content and included(proof)


def check_export(export: dict) -> int:
    counts = {"content": 0, "act": 0, "nothing": 0}
    wrong = []
    for row in export["rows"]:
        counts[row["covers"]] += 1
        if row["covers"] == "nothing":
            print(f"not proven: {row['row']['id']}: {row['because']}")
        if (row["covers"] != "nothing" and not covered(row, export)) or row["because"].startswith("CHANGED"):
            wrong.append(row["row"]["id"])
            print(f"does NOT hold: {row['row']['id']}")
    told = f"{len(export['rows'])} rows, {counts['content']} proven in content, {counts['act']} as acts"
    told += f", {counts['nothing']} not; root {export['root_hash']} of size {export['tree_size']}"
    print(f"does NOT hold for {len(wrong)} of them: {told}" if wrong else f"holds: {told}")
    return 1 if wrong else 0


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        proof = json.load(file)
    if "rows" in proof:
        return check_export(proof)
    if "leaf_input" in proof:
        holds, text = (
            included(proof),
            f"this entry is leaf {proof['leaf_index']} of the tree of size {proof['tree_size']}",
        )
    else:
        holds = continues(proof)
        text = f"the tree of size {proof['tree_size_2']} begins with the one of size {proof['tree_size_1']}"
    print(f"holds: {text}" if holds else f"does NOT hold: not proven that {text}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
