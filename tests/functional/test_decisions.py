# SPDX-License-Identifier: Apache-2.0
"""A reviewer's yes is bound to what it was made by; a no counts, however many others say yes."""

import hashlib
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree

import pytest


@pytest.fixture
def reviewed(airlock, keys, bundle, tmp_path):
    """A copy of the bundle, with a policy that wants alice's signature and bob's approval."""
    copy = tmp_path / "b.tar"
    shutil.copy(bundle, copy)
    for name in ("bob", "carol"):
        airlock(0, "keygen", tmp_path / name, "--no-passphrase")
    shutil.copy(keys / "alice.pub", tmp_path / "alice.pub")
    named = ""
    for name in ("alice", "bob", "carol"):
        der = ["openssl", "pkey", "-pubin", "-in", tmp_path / f"{name}.pub", "-outform", "DER"]
        spki = hashlib.sha256(subprocess.run(der, capture_output=True, check=True).stdout).hexdigest()
        named += f'  {name}: {{file: {name}.pub, spki_sha256: "{spki}"}}\n'
    (tmp_path / "policy.yaml").write_text(
        f"version: 1\nkeys:\n{named}streams:\n  default:\n    rollback: allow\n    require:\n"
        "      - {role: exporter, keys: [alice], threshold: 1}\n"
        "      - {role: reviewer, keys: [bob, carol], threshold: 1, attestation: "
        '"https://in-toto.io/attestation/svr/v0.2"}\n'
    )
    return tmp_path


def test_what_an_approval_was_made_by(airlock, reviewed):
    (reviewed / "review.html").write_text("page")
    (reviewed / "grype.json").write_text("{}")
    decided = ["--report", reviewed / "review.html", "--policy", reviewed / "policy.yaml"]
    decided += ["--findings", reviewed / "grype.json", "--comment", "fine"]
    airlock(0, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key", *decided)
    verified = airlock(0, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml")
    for name in ("review.html", "policy.yaml", "grype.json"):
        digest = hashlib.sha256((reviewed / name).read_bytes()).hexdigest()
        assert f"decided by {name}, sha256:{digest}" in verified.out
    data = airlock(0, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml", "--output", "json").json
    assert "review.html" in json.dumps(data["trust"])


def test_two_documents_of_one_name(airlock, reviewed):
    for folder in ("one", "two"):
        (reviewed / folder).mkdir()
        (reviewed / folder / "f.json").write_text(folder)
    twice = ["--findings", reviewed / "one/f.json", "--findings", reviewed / "two/f.json"]
    made = airlock(2, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key", *twice)
    assert "two different files are named f.json" in made.err


def test_a_rejection_refuses_whoever_else_approves(airlock, keys, reviewed):
    policy = ["--policy", reviewed / "policy.yaml"]
    airlock(0, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key")
    airlock(0, "verify", reviewed / "b.tar", *policy)
    airlock(0, "reject", reviewed / "b.tar", "--key", reviewed / "carol.key", "--reason", "a secret in it")
    made = airlock(7, "verify", reviewed / "b.tar", *policy)
    assert "carol" in made.err and "rejects it" in made.err and "a secret in it" in made.err
    made = airlock(7, "import", reviewed / "b.tar", "127.0.0.1:1", *policy)
    assert "rejects it" in made.err and "cannot reach" not in made.err
    # Whose key the verifier does not know has no say.
    airlock(0, "verify", reviewed / "b.tar", "--key", keys / "alice.pub")


def test_who_approved_may_think_better_of_it_and_not_again(airlock, reviewed):
    sign = [reviewed / "b.tar", "--key", reviewed / "bob.key"]
    airlock(0, "approve", *sign)
    airlock(0, "reject", *sign, "--reason", "seen too late")
    assert "rejects it" in airlock(7, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml").err
    assert "this key has" in airlock(7, "approve", *sign, "--name", "bob-again").err
    assert "this key has" in airlock(7, "reject", *sign, "--reason", "again").err
    assert "--reason" in airlock(2, "reject", *sign).err


def test_a_rejection_is_no_approval_by_another_name(airlock, reviewed):
    airlock(0, "reject", reviewed / "b.tar", "--key", reviewed / "bob.key", "--reason", "no")
    assert "rejects it" in airlock(7, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml").err
    made = airlock(7, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key")
    assert "this key has rejected it" in made.err


@pytest.mark.parametrize("passes", [True, False])
def test_outcomes_for_pipelines(airlock, reviewed, passes):
    if passes:
        airlock(0, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key")
    written = ["--sarif", reviewed / "o.sarif", "--junit", reviewed / "o.xml"]
    airlock(0 if passes else 7, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml", *written)
    (run,) = json.loads((reviewed / "o.sarif").read_text())["runs"]
    levels = {result["level"] for result in run["results"]}
    assert levels == ({"none"} if passes else {"error"})
    suite = xml.etree.ElementTree.parse(reviewed / "o.xml").getroot().find("testsuite")
    assert (suite.get("failures") == "0") is passes and int(suite.get("tests")) == len(suite.findall("testcase")) > 0


def ask(reviewed, *questions):
    """The policy, with questions."""
    policy = reviewed / "policy.yaml"
    policy.write_text(policy.read_text() + f"questions: {json.dumps(questions)}\n")
    return ["--checklist", "--policy", policy]


def test_answers_to_the_policys_questions_are_signed(airlock, reviewed):
    asked = ask(reviewed, "Was every image scanned?", "Which change is it?")
    approve = ["approve", reviewed / "b.tar", "--key", reviewed / "bob.key", *asked]
    made = airlock(2, *approve, stdin="yes\n\n")
    assert 'no answer to "Which change is it?"' in made.err
    made = airlock(8, *approve, stdin="No\n")
    assert 'the answer to "Was every image scanned?" is no' in made.err and "airlock reject" in made.err
    assert "300 bytes" in airlock(2, *approve, stdin="a" * 301 + "\n").err
    # Nothing was signed by any of them: the same key may still approve.
    made = airlock(0, *approve, stdin="yes\n  4711, of \u00fcbermorgen \n")
    assert "1 of 2: Was every image scanned?" in made.err and "2 of 2: Which change" in made.err
    policy = ["--policy", reviewed / "policy.yaml"]
    verified = airlock(0, "verify", reviewed / "b.tar", *policy)
    assert "Which change is it? - 4711, of \u00fcbermorgen\n" in verified.out
    data = airlock(0, "verify", reviewed / "b.tar", *policy, "--output", "json").json
    [approval] = [
        signer["approval"] for met in data["trust"]["requirements"] for signer in met["signers"] if "approval" in signer
    ]
    assert approval["checklist"][0] == {"question": "Was every image scanned?", "answer": "yes"}


def test_a_policy_that_demands_answers(airlock, reviewed):
    asked = ask(reviewed, "Was it scanned?", "Which change is it?")
    policy = asked[1:]
    text = policy[1].read_text()
    policy[1].write_text(text.replace("threshold: 1, attestation", "threshold: 1, checklist: true, attestation"))
    assert "approved (answering 2 questions)" in airlock(0, "policy", "check", policy[1]).out
    copies = [reviewed / f"{name}.tar" for name in "xyz"]
    for copy in copies:
        shutil.copy(reviewed / "b.tar", copy)
    sign = ["--key", reviewed / "bob.key"]
    airlock(0, "approve", copies[0], *sign)
    made = airlock(7, "verify", copies[0], *policy)
    assert 'does not say yes to the policy\'s question "Was it scanned?"' in made.err and "--checklist" in made.err
    airlock(0, "approve", copies[1], *sign, *asked, stdin="yes\n4711\n")
    airlock(0, "verify", copies[1], *policy)
    # A question that was added since has no answer.
    policy[1].write_text(policy[1].read_text().replace('["Was it scanned?"', '["New?", "Was it scanned?"'))
    assert '"New?"' in airlock(7, "verify", copies[1], *policy).err
    # carol's answers do, where bob's are missing.
    airlock(0, "approve", copies[0], "--key", reviewed / "carol.key", *asked, stdin="y\nyes\n4711\n")
    airlock(0, "verify", copies[0], *policy)


@pytest.mark.parametrize(
    "change, says",
    [
        (("questions: [", "other: ["), "unknown"),
        (('questions: ["a"]', ""), "the policy has no questions"),
        (("threshold: 1}", "threshold: 1, checklist: true}"), "only an attestation has answers"),
        (("checklist: true", "checklist: 1"), "neither true nor false"),
    ],
)
def test_a_checklist_that_cannot_be_demanded(airlock, reviewed, change, says):
    policy = ask(reviewed, "a")[-1]
    text = policy.read_text().replace("threshold: 1, attestation", "threshold: 1, checklist: true, attestation")
    policy.write_text(text.replace(*change))
    made = airlock(7, "policy", "check", policy)
    assert says in made.err, made.err


def test_a_checklist_needs_questions(airlock, reviewed):
    approve = ["approve", reviewed / "b.tar", "--key", reviewed / "bob.key", "--checklist"]
    assert "--policy" in airlock(2, *approve).err
    assert "has no questions" in airlock(2, *approve, "--policy", reviewed / "policy.yaml").err
    assert "--checklist" in airlock(2, "reject", *approve[1:], "--reason", "r").err


@pytest.mark.parametrize(
    "questions, says",
    [
        ([""], "does not have 1 to 300 bytes"),
        (["a" * 301], "does not have 1 to 300 bytes"),
        (["a", "a"], "one appears twice"),
        ([str(number) for number in range(51)], "51, more than 50"),
        (["a", 1], "questions"),
    ],
)
def test_questions_of_a_policy(airlock, reviewed, questions, says):
    [_, option, policy] = ask(reviewed, *questions)
    made = airlock(7, "verify", reviewed / "b.tar", option, policy)
    assert "policy.yaml: questions" in made.err and says in made.err


def test_no_more_is_signed_than_verifiers_read(airlock, reviewed):
    asked = ask(reviewed, *[f"{number} {'q' * 297}" for number in range(50)])
    approve = ["approve", reviewed / "b.tar", "--key", reviewed / "bob.key", *asked]
    # Each control character becomes six in JSON.
    made = airlock(2, *approve, "--comment", "c", stdin=("a" + "\1" * 298 + "a\n") * 50)
    assert "the statement to sign would have" in made.err and "shorten" in made.err
    airlock(0, *approve, "--comment", "c" * 2000, stdin=("a" * 300 + "\n") * 50)
    airlock(0, "verify", reviewed / "b.tar", "--policy", reviewed / "policy.yaml")


def test_decisions_are_shown_before_anybody_checks_them(airlock, reviewed, bundle):
    """Marked as what they are: anybody can write such a file."""
    approve = ["approve", "--key", reviewed / "bob.key", "--comment", "change 4711"]
    airlock(0, *approve, reviewed / "b.tar")
    airlock(0, "reject", reviewed / "b.tar", "--key", reviewed / "carol.key", "--reason", "a <b>secret</b>")
    out = airlock(0, "inspect", reviewed / "b.tar").out
    assert "bob.approval.sigstore.json (not checked)" in out and "approved 20" in out and '"change 4711"' in out
    assert "rejected 20" in out and '"a <b>secret</b>"' in out
    # Also what lies beside a bundle that cannot be written.
    airlock(0, "reject", bundle, "--key", reviewed / "carol.key", "--reason", "not yet", "--sidecar", reviewed)
    (beside,) = reviewed.glob("*reject*.json")
    beside_it = airlock(0, "inspect", bundle, "--signature", beside).out
    assert f"{beside} (not checked)" in beside_it and '"not yet"' in beside_it
    claims = airlock(0, "inspect", reviewed / "b.tar", "--output", "json").json["signatures"]
    decided = {claim["file"]: claim["decision"] for claim in claims if "decision" in claim}
    assert sorted(decided.values()) == ["approved", "rejected"] and not any(claim["checked"] for claim in claims)
    airlock(0, "report", reviewed / "b.tar", "--no-software", "-o", reviewed / "r.html")
    page = (reviewed / "r.html").read_text()
    assert ": “change 4711”" in page and "a &lt;b&gt;secret" in page


def test_a_name_that_no_statement_can_have(airlock, reviewed):
    odd = os.fsencode(reviewed) + b"/r\xe9.html"
    with open(odd, "w") as file:
        file.write("page")
    made = airlock(2, "approve", reviewed / "b.tar", "--key", reviewed / "bob.key", "--report", os.fsdecode(odd))
    assert "is no name in UTF-8" in made.err


def test_a_rejection_says_why(airlock, reviewed):
    made = airlock(2, "reject", reviewed / "b.tar", "--key", reviewed / "bob.key", "--reason", "  ")
    assert "--reason says nothing" in made.err


def test_outcomes_overwrite_nothing_else(airlock, keys, reviewed):
    verify = ["verify", reviewed / "b.tar", "--key", keys / "alice.pub"]
    before = (reviewed / "b.tar").read_bytes()
    for option in ("--sarif", "--junit"):
        for file in ("b.tar", "alice.pub"):
            assert "another file than airlock writes there" in airlock(5, *verify, option, reviewed / file).err
        airlock(0, *verify, option, reviewed / "out")
        airlock(0, *verify, option, reviewed / "out")
        (reviewed / "out").unlink()
        assert "does not exist" in airlock(5, *verify, option, reviewed / "no/out").err
    same = ["--sarif", reviewed / "out", "--junit", reviewed / "out"]
    assert "the same file" in airlock(2, *verify, *same).err
    assert (reviewed / "b.tar").read_bytes() == before


def test_who_has_signed_already_is_told_so_first(airlock, reviewed):
    sign = [reviewed / "b.tar", "--key", reviewed / "bob.key"]
    airlock(0, "approve", *sign)
    assert "this key has approved it already" in airlock(7, "approve", *sign).err


def test_a_page_about_another_bundle_is_no_reason(airlock, keys, reviewed, export_small, filled, tmp_path):
    export_small(0, filled())
    for name, bundle in (("this.html", reviewed / "b.tar"), ("other.html", tmp_path / "small.tar")):
        airlock(0, "report", bundle, "--key", keys / "alice.pub", "--no-software", "-o", tmp_path / name)
    approve = ["approve", reviewed / "b.tar", "--key", reviewed / "bob.key", "--report"]
    assert "is a page about another bundle" in airlock(7, *approve, tmp_path / "other.html").err
    airlock(0, *approve, tmp_path / "this.html")
