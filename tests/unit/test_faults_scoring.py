"""Faults between the scoring function and AWS: nothing counted twice, nothing decided twice, nothing lost."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from inference_code.scoring import app
from inference_code.scoring.endpoint import Endpoint, Unavailable
from inference_code.scoring.problems import Problem
from scripts.retraining.clients import Clients
from tests.unit.scoring_tables import EVENT_TYPE, NOW, SETTINGS, Platform, create_tables, payment

CUT = EndpointConnectionError(endpoint_url="https://dynamodb"), ReadTimeoutError(endpoint_url="https://dynamodb")


@pytest.fixture
def platform(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Platform()


class Cut:
    """A client whose n-th call fails: before it reaches the table, or after it was carried out (`late`)."""

    def __init__(self, client, number, late, error=CUT[0]):
        self._client, self._number, self._late, self._error = client, number, late, error
        self.calls = 0

    def __getattr__(self, name):
        def call(**arguments):
            self.calls += 1
            failing = self.calls == self._number
            if failing and not self._late:
                raise self._error
            answer = getattr(self._client, name)(**arguments)
            if failing:
                raise self._error
            return answer

        return call


def _tables(platform):
    return {table: platform.dynamodb.scan(TableName=table)["Items"] for table in ("decisions", "profiles")}


def _by_id(platform):
    return sorted(_tables(platform)["decisions"], key=lambda item: item["id"]["S"])


def _versions(platform):
    return sorted((item["key"]["S"], item["version"]["N"]) for item in _tables(platform)["profiles"])


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_cut_at_any_call_of_a_payment_is_mended_by_sending_it_again(platform, number, late):
    """The network breaks at each call in turn, before or after the table did its part; the caller repeats once.

    Promised: the payment is counted once and decided once, and every later repeat gets that decision.
    """
    cut = Cut(platform.dynamodb, number, late)
    platform.store._client = cut
    with pytest.raises(EndpointConnectionError):
        platform.transactions.score(payment())
    assert cut.calls == number
    platform.model.probability = 0.99
    answer = platform.transactions.score(payment())
    assert answer == platform.transactions.score(payment())
    (decision,) = _tables(platform)["decisions"]
    assert decision["status"]["S"] == "decided"
    assert {version for _, version in _versions(platform)} == {"1"}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_cut_at_any_call_of_a_label_is_mended_by_sending_it_again(platform, number, late):
    """As above for a report of fraud. Promised: it counts once in each profile, and its ground truth is written."""
    platform.transactions.score(payment())
    platform.transactions.score(payment(2))
    platform.labels.record({"id": 2, "label": "fraud"})
    counted_once = _versions(platform)
    platform.labels.record({"id": 2, "label": "genuine"})
    assert counted_once != _versions(platform)
    before = [int(version) for _, version in _versions(platform)]
    platform.store._client = Cut(platform.dynamodb, number, late)
    with pytest.raises(EndpointConnectionError):
        platform.labels.record({"id": 1, "label": "fraud"})
    for _ in range(2):
        assert platform.labels.record({"id": 1, "label": "fraud"})["label"] == "fraud"
    assert [int(version) for _, version in _versions(platform)] == [version + 1 for version in before]
    keys = [item["Key"] for item in platform.s3.list_objects_v2(Bucket="captures")["Contents"]]
    assert any(key.endswith("/1.jsonl") for key in keys)


def test_a_table_that_is_away_for_good_costs_no_more_than_an_error(platform, monkeypatch, caplog):
    """Promised: a 500 that says to send the same request again, and nothing of the payment in the log."""
    service = type("Service", (), {"transactions": platform.transactions})
    monkeypatch.setattr(app, "service", service)
    platform.store._client = Cut(platform.dynamodb, 1, False, CUT[1])
    event = {"httpMethod": "POST", "path": "/transactions", "resource": "/transactions", "headers": {}}
    event |= {"requestContext": {}, "body": '{"TRANSACTION_ID": 31337, "TX_DATETIME": "2025-12-31T12:00:00Z", '}
    event["body"] += '"CUSTOMER_ID": 596, "TERMINAL_ID": 3156, "TX_AMOUNT": 57.16}'
    answer = app.handler(event, None)
    assert answer["statusCode"] == 500 and "send the same request again" in answer["body"]
    logged = str([vars(record) for record in caplog.records])
    assert "ReadTimeoutError" in logged and "31337" not in logged
    assert app.handler(event, None)["statusCode"] == 200


def test_the_endpoint_dies_under_load_and_no_decision_is_lost(platform):
    """The model is killed in the middle of 60 payments, and comes back.

    Promised: every payment gets an answer, once; those without a score say so; later ones are scored again.
    """
    asked, lock = iter(range(10_000)), platform.dynamodb._lock
    ask = platform.model.ask

    def dying(identifier, features):
        with lock:
            number = next(asked)
        if 20 <= number < 40:
            raise Unavailable("ModelError")
        return ask(identifier, features)

    platform.model.ask = dying
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: platform.transactions.score(payment(n, CUSTOMER_ID=n)), range(60)))
    assert sorted(int(answer["id"]) for answer in answers) == list(range(60))
    assert sum(answer["degraded"] for answer in answers) == 20
    assert {item["status"]["S"] for item in _tables(platform)["decisions"]} == {"decided"}
    assert platform.transactions.score(payment(500))["degraded"] is False


GOOD = '{"predictions": [{"probability": 0.5, "score": 500, "reasons": []}], "model": {}}'


@pytest.mark.parametrize(
    "answer",
    [
        *("", "null", "[]", '"no"', "<html>busy</html>", GOOD[:-20], "[" * 100_000, "{}", '{"predictions": []}'),
        *(GOOD.replace("0.5", value) for value in ("NaN", "-0.1", "17", "null", '"high"')),
        *(GOOD.replace("500", value) for value in ("Infinity", "NaN", "99999", "-1", "[]")),
        *(GOOD.replace('"reasons": []', f'"reasons": {value}') for value in ("null", '"none"')),
        GOOD.replace('"model": {}', '"model": 3'),
    ],
)
def test_a_model_that_answers_nonsense_decides_nothing(platform, answer):
    """Promised: as if it had not answered; the payment is decided by rules, once, and the answer is JSON."""

    class Runtime:
        def invoke_endpoint(self, **_):
            return {"Body": io.BytesIO(answer.encode())}

    platform.transactions._endpoint = Endpoint(Runtime(), "endpoint")
    told = platform.transactions.score(payment())
    assert told["degraded"] and told["score"] is None and told == platform.transactions.score(payment())
    assert platform.reporter.counted.count("DegradedDecisions") == 1
    assert "its answer cannot be read" in platform.reporter.warnings[0]


@pytest.mark.parametrize("rounds", [3, 10_000])
def test_a_table_that_answers_in_part_is_asked_again_after_a_while(platform, rounds):
    """BatchGetItem leaves out keys of a throttled table, without an error.

    Promised: it is asked again, later each time; a payment that cannot wait longer is told to come again (503), and
    none is decided on half of its profiles.
    """
    get, asked = platform.dynamodb.batch_get_item, []

    class Partial:
        def __getattr__(self, name):
            return getattr(platform.dynamodb, name)

        def batch_get_item(self, RequestItems):
            asked.append(platform.now)
            answer = get(RequestItems=RequestItems)
            if len(asked) <= rounds:
                answer["Responses"].pop("profiles", None)
                answer["UnprocessedKeys"] = {"profiles": RequestItems["profiles"]}
            return answer

    platform.transactions.score(payment())
    platform.store._client = Partial()
    platform.transactions._sleep = lambda seconds: setattr(platform, "now", platform.now + seconds)
    if rounds > 3:
        with pytest.raises(Problem) as caught:
            platform.transactions.score(payment(2))
        assert caught.value.status == 503 and len(_by_id(platform)) == 1 and len(asked) < 1000
    else:
        assert platform.transactions.score(payment(2))["outcome"]
        assert {version for _, version in _versions(platform)} == {"2"}


@pytest.mark.parametrize("skew", [-240.0, 240.0])
def test_clocks_that_differ_change_no_feature(platform, skew):
    """Two instances whose clocks are minutes apart share the tables.

    Promised: features follow the events' times alone, so that who decides makes no difference; repeats agree.
    """
    events = [payment(n, TX_DATETIME=f"2025-12-31T23:{n:02d}:00Z", TX_AMOUNT=10.0 + n) for n in range(8)]
    features = []
    for clocks in ([NOW], [NOW, NOW + skew]):
        for number, event in enumerate(events):
            platform.now = clocks[number % len(clocks)]
            first = platform.transactions.score(event)
            platform.now = clocks[(number + 1) % len(clocks)]
            assert platform.transactions.score(event) == first
        features.append([item["features"] for item in _by_id(platform)])
        for table in ("decisions", "profiles", "rules"):
            platform.dynamodb.delete_table(TableName=table)
        create_tables(platform.dynamodb)
    assert features[0] == features[1] and len(features[0]) == 8


def test_a_clock_that_is_behind_refuses_by_name_what_it_takes_for_the_future(platform):
    """Promised: beyond the configured tolerance (300 s) the field is named and nothing is stored."""
    platform.now -= 3600 * 13
    with pytest.raises(Problem) as caught:
        platform.transactions.score(payment())
    assert caught.value.body()["errors"][0]["field"] == "TX_DATETIME"
    assert not any(_tables(platform).values())


def _throttle(client, service, times):
    """The service refuses the first calls as it does under load; below the retries, where AWS is."""
    sent = []

    def before_send(request, **_):
        sent.append(request)
        if len(sent) > times:
            return None
        body = b'{"__type": "com.amazonaws#ThrottlingException", "message": "Rate exceeded"}'
        return _response(400, body)

    client.meta.events.register_first(f"before-send.{service}", before_send)
    return sent


class _Raw:
    def __init__(self, body):
        self._body = body

    def stream(self, **_):
        yield self._body


def _response(status, body):
    return AWSResponse("https://aws", status, {"Content-Type": "application/x-amz-json-1.0"}, _Raw(body))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda *_: pytest.fail("a call left this machine"))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *_, **__: True)


def test_the_functions_calls_are_repeated_when_throttled_and_the_models_are_not(platform, quick, monkeypatch):
    """Promised: three refusals of a table are survived; the model is asked once, since a second try comes too late."""
    monkeypatch.setattr(app, "packed_event_type", lambda _: EVENT_TYPE)
    monkeypatch.setattr(app.Settings, "of", lambda _: SETTINGS)
    service = app.Service()
    tables = service.transactions._store._client
    assert tables.meta.config.retries["mode"] == "adaptive"
    sent = _throttle(tables, "dynamodb", 3)
    assert tables.list_tables()["TableNames"]
    assert len(sent) == 4
    runtime = service.transactions._endpoint._client
    asked = _throttle(runtime, "sagemaker-runtime", 99)
    with pytest.raises(Unavailable, match="Throttling"):
        Endpoint(runtime, "endpoint").ask("1", [0.5])
    assert len(asked) == 1


def test_the_commands_calls_are_repeated_when_throttled(platform, quick):
    """Promised: seven refusals in a row are survived by every operator's command; the eighth is explained."""
    clients = Clients(region="us-east-1")
    client = clients.client("dynamodb")
    assert client.meta.config.retries == {"mode": "adaptive", "total_max_attempts": 9}
    sent = _throttle(client, "dynamodb", 7)
    assert client.list_tables()["TableNames"] and len(sent) == 8
    _throttle(client, "dynamodb", 99)
    with pytest.raises(ClientError, match="Throttling"):
        client.list_tables()
