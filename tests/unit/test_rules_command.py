"""scripts.rules: files are checked with their places, versions never change, and the scoring function uses them."""

import json
import threading

import boto3
import pytest
import yaml
from moto import mock_aws

from fraud import event_types
from fraud.decisions import default_ruleset, from_mapping
from inference_code.scoring.active_rules import ActiveRules
from inference_code.scoring.rule_table import LONGEST_PART, RULESET, RuleTable, list_name
from scripts import rules
from scripts.ruling import platform
from scripts.ruling.book import Book, ConflictError
from tests.unit.scoring_tables import EVENT_TYPE, create_tables

FILE = """\
mode: all-match
default: approve
lists: {watched: ["596"], empty: []}
rules:
- {name: large, when: TX_AMOUNT > 100, outcome: review}
- name: watched
  when: |
    CUSTOMER_ID in lists.watched
    && TX_AMOUNT > 1
  outcome: decline
- {name: never, when: CUSTOMER_ID in lists.empty, outcome: decline, shadow: true}
"""
CARD = "4111 1111 1111 1111"


@pytest.fixture
def dynamodb(monkeypatch):
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platform, "outputs_of", lambda clients, stack: {"RulesTableName": "rules"})
    with mock_aws():
        client = boto3.client("dynamodb")
        create_tables(client)
        yield client


@pytest.fixture
def run(dynamodb, capsys):
    """Runs a command and returns (exit code, standard output, standard error)."""

    def run(*arguments):
        code = rules.main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(FILE)
    return path


def _write(path, text):
    path.write_text(text)
    return path


def _active(dynamodb, warnings=None):
    """The rules that a new instance of the scoring function decides by."""
    warnings = [] if warnings is None else warnings
    return ActiveRules(dynamodb, "rules", EVENT_TYPE, warnings.append).get().ruleset


def test_a_rule_set_is_published_activated_shown_and_rolled_back(run, dynamodb, file):
    assert run("publish", file, "--comment", "first")[0] == 0
    assert _active(dynamodb).version == 0
    assert run("activate", 1)[0] == 0
    assert (_active(dynamodb).version, _active(dynamodb).mode) == (1, "all-match")
    shown = yaml.safe_load(run("show")[1])
    assert shown == {**yaml.safe_load(FILE), "version": 1, "outcomes": ["approve", "review", "decline"]}
    _write(file, FILE.replace("> 100", "> 200"))
    assert run("publish", file, "--activate")[0] == 0
    assert _active(dynamodb).rules[0].when == "TX_AMOUNT > 200"
    code, out, _ = run("activate", 1)
    assert code == 0 and "rule large: another condition" in out and "in place of version 2" in out
    assert _active(dynamodb).rules[0].when == "TX_AMOUNT > 100"
    listed = run("list")[1].splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["2", *listed[1].split()[1:3]], ["in", "force", "1"]]
    assert "first" in listed[2]


def test_a_version_never_changes_and_the_same_rules_make_no_new_one(run, dynamodb, file):
    run("publish", file)
    before = dynamodb.get_item(TableName="rules", Key={"name": {"S": RULESET}, "version": {"N": "1"}})["Item"]
    assert "says the same" in run("publish", file)[1]
    _write(file, FILE.replace("> 100", "> 200"))
    run("publish", file)
    assert dynamodb.get_item(TableName="rules", Key={"name": {"S": RULESET}, "version": {"N": "1"}})["Item"] == before


def test_faults_are_named_by_rule_line_and_column_and_nothing_is_saved(run, dynamodb, file):
    faulty = FILE.replace("TX_AMOUNT > 100", "TX_AMOUN > 100").replace("&& TX_AMOUNT > 1", "&& CUSTOMER_ID > 1")
    faulty += "- {name: sum, when: TX_AMOUNT + 1, outcome: review}\n"
    for command in ("validate", "publish"):
        code, out, err = run(command, _write(file, faulty))
        assert (code, out) == (2, "")
        assert f"{file}:5:23: rule large, line 1, column 1: there is no variable 'TX_AMOUN'; did you mean" in err
        assert f"{file}:9:20: rule watched, line 2, column 16: '>' cannot be applied to a text" in err
        assert "      && CUSTOMER_ID > 1\n                     ^" in err
        assert f"{file}:12:21: rule sum, line 1, column 1: the condition is of type double" in err
    assert dynamodb.scan(TableName="rules")["Count"] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules:\n- name: a\n  when: a: b\n", ":3:10: is not YAML"),
        ("rules: []\nrules: []\n", ":2:1: the field 'rules' is given twice"),
        ("rules: []\nmood: good\n", "mood: unknown field"),
        ("rules:\n- {name: a, when: true, outcome: review}\n", "when: a condition is needed"),
        (f"rules:\n- {{name: a, when: 'CUSTOMER_ID == \"{CARD}\"', outcome: review}}\n", "rule a: holds a card number"),
        (f"rules: []\nlists: {{b: ['{CARD}']}}\n", "list b, text 1: holds a card number"),
        ("", "a rule set is a mapping"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_file_that_is_no_rule_set_is_refused(run, file, text, words):
    code, _, err = run("publish", _write(file, text))
    assert code == 2 and words in err and CARD not in err and "Traceback" not in err


def test_json_files_are_read_too_and_a_missing_file_is_named(run, tmp_path):
    path = _write(tmp_path / "rules.json", json.dumps(yaml.safe_load(FILE)))
    assert run("validate", path)[0] == 0
    assert run("validate", _write(path, '{"rules": [], "rules": []}'))[0] == 2
    code, _, err = run("validate", tmp_path / "none.yaml")
    assert code == 2 and "none.yaml: cannot be read" in err


def test_whoever_edits_an_old_version_is_told(run, file, tmp_path):
    run("publish", file)
    mine = _write(tmp_path / "mine.yaml", run("show", 1)[1].replace("> 100", "> 50"))
    theirs = _write(tmp_path / "theirs.yaml", run("show", 1)[1].replace("> 100", "> 500"))
    assert run("publish", theirs)[0] == 0
    code, _, err = run("publish", mine)
    assert code == 3 and "version 2 was published since" in err
    assert run("show", 3)[0] == 2


def test_publishers_at_the_same_moment_get_a_version_each(dynamodb):
    class Late(Book):
        """Another publisher comes between reading and writing."""

        def active(self, name):
            if self.other:
                self.other.pop().publish(RULESET, {"rules": [], "mode": "other"})
            return super().active(name)

    book = Late(dynamodb, "rules", "me")
    book.other = [Book(dynamodb, "rules", "you")]
    assert book.publish(RULESET, {"rules": []}).number == 2
    assert [version.author for version in book.versions(RULESET)] == ["me", "you"]
    book.other = [Book(dynamodb, "rules", "you")]
    with pytest.raises(ConflictError, match="version 3 was published"):
        book.publish(RULESET, {"rules": [], "mode": "mine"}, base=2)
    assert book.latest(RULESET).number == 3


def test_many_publishers_lose_nothing(dynamodb):
    lock, numbers = threading.Lock(), []

    class Locked:
        """moto's transactions are not atomic between threads; reads and writes of publishers still interleave."""

        def __getattr__(self, name):
            method = getattr(dynamodb, name)

            def call(**arguments):
                with lock:
                    return method(**arguments)

            return call

    def publish(number):
        book = Book(Locked(), "rules", str(number))
        while True:
            try:
                numbers.append(book.publish(RULESET, {"rules": [], "by": number}).number)
                return
            except ConflictError:
                continue

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = RuleTable(dynamodb, "rules")
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
    assert sorted(table.body(RULESET, number)["by"] for number in numbers) == [0, 1, 2, 3, 4, 5]


def test_a_published_list_is_what_the_rules_see(run, dynamodb, file, tmp_path):
    run("publish", file, "--activate")
    assert _active(dynamodb).lists == {"watched": ("596",), "empty": ()}
    texts = _write(tmp_path / "watched.txt", "# on watch\n7\n\n8\n7\n")
    code, out, err = run("lists", "publish", "watched", texts)
    assert code == 0 and "2 texts, 1 removed" not in out and "1 repeated texts" in err
    assert _active(dynamodb).lists["watched"] == ("7", "8")
    assert run("lists", "add", "watched", "9", "8")[0] == 0
    assert _active(dynamodb).lists["watched"] == ("7", "8", "9")
    assert run("lists", "remove", "watched", "7")[0] == 0
    assert run("lists", "show", "watched")[1] == "8\n9\n"
    assert run("lists", "activate", "watched", 1)[0] == 0
    assert _active(dynamodb).lists["watched"] == ("7", "8")
    code, _, err = run("lists", "add", "watched", "10")
    assert code == 3 and "version 3 is not in force" in err
    assert run("lists", "list")[1].split() == ["list", "in", "force", "texts", "watched", "1", "2"]
    assert run("lists", "show", "watched", "--versions")[1].count("\n") == 4


def test_adding_to_a_list_that_the_rule_set_states_keeps_its_texts(run, dynamodb, file):
    run("publish", file, "--activate")
    run("lists", "add", "watched", "7")
    assert _active(dynamodb).lists["watched"] == ("596", "7")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("remove", "watched", "1"), "does not hold 1"),
        (("add", "Watched", "1"), "lower-case"),
        (("add", "watched", CARD), "holds a card number"),
        (("show", "watched"), "no version is in force"),
        (("show", "watched", "4"), "no version 4"),
        (("activate", "watched", "4"), "no version 4"),
    ],
)
def test_changes_of_lists_that_cannot_be_made_change_nothing(run, dynamodb, arguments, words):
    code, _, err = run("lists", *arguments)
    assert code in (1, 2) and words in err and CARD not in err
    assert dynamodb.scan(TableName="rules")["Count"] == 0


def test_a_list_longer_than_an_item_is_kept_in_parts(run, dynamodb, file, tmp_path):
    run("publish", file, "--activate")
    texts = [f"customer-{number:06}-é" for number in range(40_000)]
    run("lists", "publish", "watched", _write(tmp_path / "long.txt", "\n".join(texts)))
    assert len("\n".join(texts)) > 2 * LONGEST_PART
    assert _active(dynamodb).lists["watched"] == tuple(texts)
    assert run("lists", "list")[1].split()[-2:] == ["1", "40,000"]


def test_a_list_that_was_lost_keeps_the_rules_that_were_in_force(run, dynamodb, file):
    run("publish", file, "--activate")
    now = [0.0]
    warnings = []
    function = ActiveRules(dynamodb, "rules", EVENT_TYPE, warnings.append, lambda: now[0])
    assert function.get().ruleset.version == 1
    run("lists", "add", "watched", "7")
    dynamodb.delete_item(TableName="rules", Key={"name": {"S": list_name("watched")}, "version": {"N": "1"}})
    now[0] += 60
    assert function.get().ruleset.lists["watched"] == ("596",)
    assert "no version 1" in warnings[0]


def test_differences_are_told_in_words_and_lines(run, file, tmp_path):
    run("publish", file, "--activate")
    other = FILE.replace("> 100", "> 200").replace("all-match", "first-match").replace("large", "big", 1)
    code, out, _ = run("diff", "active", _write(tmp_path / "other.yaml", other))
    assert code == 0
    for line in ("mode: all-match became first-match", "rule large: removed", "rule big: added", "+- name: big"):
        assert line in out
    assert run("diff", 1, file)[1] == "There is no difference.\n"
    assert run("diff", "starter", "active")[0] == 0
    assert run("diff", 1, 7)[0] == 2


def test_the_starter_is_a_file_to_edit_for_every_event_type(run, tmp_path):
    for name in event_types.shipped():
        text = run("starter", "--event-type", name)[1]
        assert from_mapping(yaml.safe_load(text)) == default_ruleset()
        assert run("validate", _write(tmp_path / "s.yaml", text), "--event-type", name)[0] == 0
    assert "#   TX_AMOUNT: number\n" in run("starter")[1]


def test_remarks_say_what_may_surprise(run, file):
    text = "lists: {idle: ['1']}\nrules:\n- {name: all, when: 'true', outcome: review}\n"
    text += "- {name: late, when: score > 1, outcome: decline}\n"
    code, _, err = run("validate", _write(file, text))
    assert code == 0
    for words in (
        "without the model's answer these are skipped: late",
        "no rule looks into: idle",
        "late never decide",
    ):
        assert words in err


AMAZON = {
    "ruleDetails": [
        {"ruleId": "blocked", "ruleVersion": "1", "expression": "$customer_id in @Blocked", "outcomes": ["block_it"]},
        {"ruleId": "high", "ruleVersion": "1", "expression": "$order_price > 1", "outcomes": ["verify"]},
        {
            "ruleId": "high",
            "ruleVersion": "2",
            "expression": "$order_price > 100 and $fraud_insightscore >= 900",
            "outcomes": ["verify", "block_it"],
            "description": "large: and likely",
        },
    ]
}
DETECTOR = {
    "ruleExecutionMode": "ALL_MATCHED",
    "rules": [{"ruleId": "high", "ruleVersion": "2"}, {"ruleId": "blocked", "ruleVersion": "1"}],
}


def test_a_detector_is_converted_to_a_rule_set_that_can_be_published(run, tmp_path):
    theirs = _write(tmp_path / "rules.json", json.dumps(AMAZON))
    detector = _write(tmp_path / "detector.json", json.dumps(DETECTOR))
    code, out, err = run("convert", theirs, "--detector", detector, "--rename", "order_price=TX_AMOUNT")
    assert code == 0, err
    ruleset = from_mapping(yaml.safe_load(out))
    assert [(rule.name, rule.when, rule.outcome) for rule in ruleset.rules] == [
        ("high", "TX_AMOUNT > 100 && score >= 900", "block_it"),
        ("blocked", "CUSTOMER_ID in lists.blocked", "block_it"),
    ]
    assert (ruleset.mode, ruleset.outcomes, ruleset.lists) == (
        "all-match",
        ("approve", "verify", "block_it"),
        {"blocked": ()},
    )
    assert "list blocked is empty" in err
    assert run("publish", _write(tmp_path / "ours.yaml", out))[0] == 0
    first = from_mapping(yaml.safe_load(run("convert", theirs, "--rename", "order_price=TX_AMOUNT")[1]))
    assert (first.mode, [rule.name for rule in first.rules]) == ("first-match", ["blocked", "high"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (AMAZON, "no variable 'order_price'"),
        ({"ruleDetails": [{"ruleId": "a", "expression": "getdate($a) > 1", "outcomes": ["x"]}]}, "rule a: at 1"),
        ({"ruleDetails": [{"ruleId": "a", "outcomes": ["x"]}]}, "an expression and outcomes are needed"),
        ({"rules": 1}, "GetRules"),
        ([1], "GetRules"),
    ],
)
def test_what_cannot_be_converted_is_named_and_nothing_is_printed(run, tmp_path, body, words):
    code, out, err = run("convert", _write(tmp_path / "rules.json", json.dumps(body)))
    assert (code, out) == (2, "") and words in err


def test_a_platform_without_the_table_or_an_unknown_environment_is_explained(run, file, monkeypatch):
    monkeypatch.setattr(platform, "outputs_of", lambda clients, stack: {})
    code, _, err = run("publish", file)
    assert code == 1 and "scoring.enabled" in err
    code, _, err = run("validate", file, "--event-type", "nothing")
    assert code == 2 and "nothing" in err
