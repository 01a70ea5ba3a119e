"""Canary card numbers through every door of the deployed platform, and a search through everything it stored."""

import base64
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import polars as pl
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from scripts.cdk import ACCOUNT
from tests.e2e.canaries import Canaries, Door, logs, stored
from tests.e2e.conftest import REPOSITORY

pytestmark = pytest.mark.timeout(900)
FUNCTION = "fraudstack-dev-scoring"
CUSTOMER, AMOUNT = 740_123_987_654, 31_337.77
"""Of a payment that is accepted: they may be in tables and captures, and in no log."""


def _payment(**changes):
    return {
        "TRANSACTION_ID": "leak-test-1",
        "TX_DATETIME": "2018-05-30T12:00:00Z",
        "CUSTOMER_ID": CUSTOMER,
        "TERMINAL_ID": 3156,
        "TX_AMOUNT": AMOUNT,
        **changes,
    }


def _json(body) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture(scope="module")
def secrets(demo) -> list[str]:
    """Temporary credentials that called the API."""
    session = demo.client("sts").get_session_token()["Credentials"]
    credentials = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert Door(demo, credentials).send("POST", "/transactions", _json(_payment()))[0] == 200
    return [session["SecretAccessKey"], session["SessionToken"]]


@pytest.fixture(scope="module")
def pushed(demo, canaries, secrets) -> dict[str, int]:
    """Every door that was tried, with the status it answered."""
    door = Door(demo, Credentials(ACCOUNT, "local"))
    status, body = door.send("POST", "/transactions", _json(_payment()))
    assert status == 200, body
    answers = {}
    answers |= _transactions(door, canaries) | _malformed(door, canaries) | _labels(door, canaries)
    answers |= _lookups(door, canaries) | _invocations(demo, canaries) | _endpoint(demo, canaries)
    _ignored(door, canaries)
    return answers


def _ignored(door, canaries):
    """Doors that nobody looks behind: the request is served, and nothing of it is kept."""
    headers = ("Idempotency-Key", "X-Correlation-Id", "X-Request-Id", "Referer", "Cookie", "X-Forwarded-For", "Accept")
    for header in (*headers, "X-Api-Key", "X-Amzn-Trace-Id"):
        identifier, value = f"leak-{header}", canaries.text()
        assert (
            door.send("POST", "/transactions", _json(_payment(TRANSACTION_ID=identifier)), **{header: value})[0] == 200
        )
    parameter = f"application/json; card={canaries.text()}"
    assert door.send("POST", "/transactions", _json(_payment()), Content_Type=parameter)[0] == 200
    assert door.send("POST", f"/transactions?card={canaries.text()}", _json(_payment()))[0] == 200


def _transactions(door, canaries):
    answers = {}
    for field in ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_DATETIME", "note"):
        for form, value in canaries.forms().items():
            answers[f"{field} {form}"] = _refused(door, canaries, "/transactions", _json(_payment(**{field: value})))
    named = _json(_payment(**{canaries.text("-"): 1}))
    answers["a field's name"] = _refused(door, canaries, "/transactions", named)
    return answers


def _refused(door, canaries, path, body, **headers):
    """The status of a body that API Gateway or the function refuses: the answer quotes nothing of it.

    API Gateway tells the caller what its validation found, and on AWS logs the same words.
    """
    status, answer = door.send("POST", path, body, **headers)
    assert canaries.found_in(answer) is None, answer
    return status


def _malformed(door, canaries):
    whole = lambda: _json(_payment(note=canaries.text()))  # noqa: E731
    bodies = {
        "cut off": whole()[:-9],
        "no object": _json(canaries.text()),
        "a list": b"[" + whole() + b"]",
        "not UTF-8": b"\xff" + whole(),
        "no JSON": f"card={canaries.text()}".encode(),
        "too long": whole()[:-1] + b',"x":"' + b"x" * 70_000 + b'"}',
        "too deep": b'{"a":' * 3_000 + whole() + b"}" * 3_000,
        "packed": gzip.compress(whole()),
        "infinite": whole().replace(b"31337.77", b"NaN"),
    }
    answers = {name: _refused(door, canaries, "/transactions", body) for name, body in bodies.items()}
    answers["a form"] = _refused(door, canaries, "/transactions", whole(), Content_Type="text/plain")
    answers["unsigned"] = door.send("POST", "/transactions", whole(), signed=False, User_Agent=canaries.text())[0]
    answers["headers"] = door.send("GET", "/nowhere", User_Agent=canaries.text(), X_Card=canaries.text())[0]
    return answers


def _labels(door, canaries):
    right = {"id": "leak-test-1", "label": "fraud"}
    return {
        f"label: {field} {form}": _refused(door, canaries, "/labels", _json({**right, field: value}))
        for field in ("id", "label", "at", "note")
        for form, value in canaries.forms().items()
    }


def _lookups(door, canaries):
    paths = [
        f"/decisions/{canaries.text()}",
        f"/decisions/{canaries.text('%20')}",
        f"/decisions/{canaries.text('-')}?entity=customer:1",
        f"/decisions?entity=customer:{canaries.text()}",
        f"/decisions?entity={canaries.text()}:1",
        f"/decisions?entity=customer:1&limit={canaries.text()}",
        f"/decisions?entity=customer:1&next={canaries.text()}",
        f"/decisions?entity=customer:1&{canaries.text()}=1",
        f"/decisions?card={canaries.text()}",
        f"/{canaries.text()}",
        f"/transactions/{canaries.text()}",
    ]
    answers = {f"lookup {number}": door.send("GET", path)[0] for number, path in enumerate(paths)}
    answers["a wrong method"] = door.send("DELETE", f"/decisions/{canaries.text()}")[0]
    return answers


def _invocations(demo, canaries):
    client, answers = demo.client("lambda"), {}
    request = {"httpMethod": "POST", "path": "/transactions", "resource": "/transactions", "headers": {}}
    request["requestContext"] = {"stage": "v1", "path": "/v1/transactions"}
    events = {
        "a mapping": {"card": canaries.text()},
        "a list": [canaries.text()],
        "a text": canaries.text(),
        "a number": canaries.number(),
        "a request": {**request, "body": json.dumps(_payment(note=canaries.text()))},
        "a request in base64": {
            **request,
            "isBase64Encoded": True,
            "body": base64.b64encode(_json(_payment(note=canaries.text()))).decode(),
        },
        "broken base64": {**request, "isBase64Encoded": True, "body": canaries.text() + "!"},
        "a path": {**request, "httpMethod": "GET", "path": f"/{canaries.text()}"},
        "a body of another type": {**request, "body": {"card": canaries.text()}},
        "records": {"Records": [{"eventSource": "aws:sqs", "body": canaries.text()}]},
    }
    for name, event in events.items():
        answer = client.invoke(FunctionName=FUNCTION, Qualifier="live", Payload=_json(event), LogType="Tail")
        body, tail = answer["Payload"].read(), base64.b64decode(answer.get("LogResult", ""))
        assert "FunctionError" not in answer, (name, body)
        assert canaries.found_in(body + b"\n" + tail) is None, name
        answers[f"invocation: {name}"] = json.loads(body)["statusCode"]
    client.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=_json({"card": canaries.text()}))
    return answers


def _endpoint(demo, canaries):
    runtime, answers = demo.client("sagemaker-runtime"), {}
    model = demo.client("sagemaker").describe_endpoint(EndpointName="fraudstack-dev")
    assert model["EndpointStatus"] == "InService"
    width = _features(demo)
    row = [0.5] * (width - 1)
    requests = {
        "csv": ("text/csv", ",".join(map(str, [*row, canaries.number()]))),
        "csv text": ("text/csv", ",".join(map(str, [*row, canaries.text(" ")]))),
        "json": ("application/json", json.dumps({"instances": [[*row, canaries.number()]]})),
        "json float": ("application/json", json.dumps({"instances": [[*row, float(canaries.number())]]})),
        "json text": ("application/json", json.dumps({"instances": [[*row, canaries.text()]]})),
        "lines": ("application/jsonlines", json.dumps([*row, canaries.number()])),
        "cut off": ("application/json", '{"instances": [[' + canaries.text()),
        "another type": (f"text/{canaries.text()}", canaries.text()),
        "not UTF-8": ("text/csv", b"\xff" + canaries.text().encode()),
    }
    for name, (kind, body) in requests.items():
        try:
            runtime.invoke_endpoint(EndpointName="fraudstack-dev", ContentType=kind, Body=body)
            answers[f"endpoint: {name}"] = 200
        except ClientError as error:
            answers[f"endpoint: {name}"] = error.response.get("OriginalStatusCode", 400)
    return answers


def _features(demo) -> int:
    endpoint = demo.client("sagemaker").describe_endpoint(EndpointName="fraudstack-dev")["EndpointConfigName"]
    assert endpoint
    runtime = demo.client("sagemaker-runtime")
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="fraudstack-dev", ContentType="text/csv", Body="1")
    return int(str(caught.value).split("the model needs ")[1].split(",")[0])


def test_every_door_refuses_card_numbers(pushed):
    assert len(pushed) > 150
    assert {door: status for door, status in pushed.items() if not 400 <= status < 500} == {}


def test_commands_refuse_them_before_anything_is_sent(demo, canaries, tmp_path, pushed):
    files = {
        "rule.yaml": f"rules: [{{name: a, when: TX_AMOUNT > {canaries.number()}, outcome: review}}]",
        "text.yaml": f'rules: [{{name: a, when: TX_AMOUNT > 1, outcome: review, description: "{canaries.text(" ")}"}}]',
        "good.yaml": "rules: [{name: a, when: TX_AMOUNT > 1, outcome: review}]",
        "own.yaml": f"name: own\ndescription: as {canaries.text()}\n",
        "list.txt": f"596\n{canaries.text('-')}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    events = pl.read_parquet(sorted(demo.data.rglob("*.parquet")))
    cards = pl.Series("note", [canaries.text(" ")] + [""] * (len(events) - 1))
    events.with_columns(cards).write_parquet(tmp_path / "cards.parquet")
    data = ("--data", tmp_path / "cards.parquet")
    commands = [
        ("scripts.rules", "publish", tmp_path / "rule.yaml"),
        ("scripts.rules", "publish", tmp_path / "text.yaml"),
        ("scripts.rules", "publish", tmp_path / "good.yaml", "--comment", f"stops {canaries.text()}"),
        ("scripts.rules", "publish", tmp_path / "good.yaml", "--author", canaries.foreign("\uff10")),
        ("scripts.rules", "lists", "publish", "watched", tmp_path / "list.txt"),
        ("scripts.rules", "lists", "add", f"watched_{canaries.text()}", "596"),
        ("scripts.rules", "lists", "add", "watched", canaries.text()),
        ("scripts.load_profiles", *data, "--replace"),
        ("scripts.score_batch", *data, "--out", tmp_path / "scores.parquet"),
        ("scripts.retrain", *data),
        ("scripts.retrain", "--data", demo.data, "--event-type", tmp_path / "own.yaml"),
        ("scripts.guard", "start", "--reason", f"the holder of {canaries.text(' ')} rang"),
        ("scripts.score", "decisions", f"customer:{canaries.text()}"),
    ]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda command: demo.run(*command), commands))
    for command, result in zip(commands, done, strict=True):
        assert result.returncode != 0, command
        assert "card number" in result.stdout + result.stderr, (command, result.stdout, result.stderr)


def test_runs_on_files_that_no_command_looked_at_repeat_nothing(demo, canaries, pushed):
    """Whoever writes to the bucket starts a run without scripts.retrain; what its job makes of the file is kept."""
    s3, machines = demo.client("s3"), demo.client("stepfunctions")
    bucket, machine = demo.outputs("storage")["TransactionsBucket"], demo.outputs("training")["StateMachineArn"]
    good = (REPOSITORY / "fraud" / "event_types" / "card-transactions.yaml").read_text()
    files = {
        "headerless": (f"1,{canaries.text()}\n2,3\n", good),
        "renamed": (f"TRANSACTION_ID,{canaries.text(' ')}\n1,2\n", good),
        "described": ("a,b\n1,2\n", f"{good}\n{canaries.text()}: {canaries.text('-')}\n"),
        "broken": ("a,b\n1,2\n", f"{good}\na: [open, {canaries.text()}\n"),
    }
    executions = {}
    for name, (data, event_type) in files.items():
        place = f"datasets/leak-{name}"
        s3.put_object(Bucket=bucket, Key=f"{place}/events.csv", Body=data.encode())
        s3.put_object(Bucket=bucket, Key=f"{place}.yaml", Body=event_type.encode())
        given = {"dataset": f"s3://{bucket}/{place}/", "eventType": f"s3://{bucket}/{place}.yaml"}
        started = machines.start_execution(stateMachineArn=machine, input=json.dumps(given | {"algorithm": "xgboost"}))
        executions[name] = started["executionArn"]
    for name, execution in executions.items():
        while (run := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.2)
        assert run["status"] == "FAILED" and "Step prepare failed" in run["cause"], run
        assert canaries.found_in(run["cause"].encode()) is None, name
    # The files themselves go: they are the attacker's.
    for version in s3.list_object_versions(Bucket=bucket, Prefix="datasets/leak-")["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_no_card_number_is_stored_anywhere(demo, canaries, pushed):
    # What is captured is written within seconds.
    time.sleep(6)
    found = {where: excerpt for where, content in stored(demo) if (excerpt := canaries.found_in(content))}
    assert found == {}


def test_no_payload_and_no_secret_is_in_a_log(demo, secrets, pushed):
    payload = {str(CUSTOMER), str(AMOUNT)}
    found = {
        (where, text) for where, content in logs(demo) for text in payload.union(secrets) if text.encode() in content
    }
    assert found == set()


def test_the_search_finds_what_is_there(canaries):
    """The tests above would pass with a blind search: it must see every form in every wrapping."""
    for name, value in canaries.forms().items():
        text = json.dumps({"body": value}, ensure_ascii=False).encode()
        assert canaries.found_in(text), name
        assert canaries.found_in(json.dumps({"body": value}).encode()), name
        assert canaries.found_in(b'{"data": "' + base64.b64encode(text) + b'"}'), name
        assert canaries.found_in(gzip.compress(text)), name
    assert canaries.found_in(boto3.__file__.encode()) is None


def test_the_accepted_payment_is_where_it_belongs(demo, pushed):
    item = demo.client("dynamodb").get_item(TableName="fraudstack-dev-decisions", Key={"id": {"S": "leak-test-1"}})
    assert json.loads(item["Item"]["event"]["S"])["CUSTOMER_ID"] == CUSTOMER
    assert "label" not in item["Item"]
