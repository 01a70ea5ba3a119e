"""Every persona does all that it can do."""

import time
from pathlib import Path

from scripts import guard, promote, rules
from scripts.scoring.client import Refused
from tests.e2e.conftest import Demo
from tests.e2e.people import CAN
from tests.e2e.people.persona import Persona
from tests.e2e.people.place import PREFIX, Place, place


def exercise(demo: Demo, folder: Path) -> dict[str, list[str]]:
    """Do everything that each persona can do; return what was refused after all, by persona."""
    at, refused = place(demo), {}
    for name, calls in CAN.items():
        persona = Persona(demo, name, "persona")
        answers = [(call, persona.answer(call, at)) for call in calls]
        refused[name] = [f"{call}: {code}" for call, code in answers if code and not call.expects(code)]
        refused[name] += _commands(persona, at, folder)
    _clean(demo, at)
    return refused


def _commands(persona: Persona, at: Place, folder: Path) -> list[str]:
    if persona.name == "platform-engineer":
        found = [persona.command(guard.main, "status"), persona.command(promote.main, "status")]
    elif persona.name == "analyst":
        texts = folder / "blocked.txt"
        texts.write_text(f"customer-{at.now}\n", encoding="utf-8")
        lists = ("lists", "publish", "persona_test", texts, "--comment", "a test")
        found = [persona.command(rules.main, *lists), persona.command(rules.main, "lists", "list")]
        try:
            decision = persona.api.decision(at.decision)
            persona.api.label(at.decision, "genuine")
            entity, value = next(iter(decision.get("entities", {"": ""}).items()))
            persona.api.decisions(f"{entity}:{value}" if entity else "customer:1")
        except Refused as error:
            found.append(str(error))
    elif persona.name == "data-scientist":
        found = [_studied(persona, at)]
    else:
        found = []
    return [text for text in found if text]


def _studied(persona: Persona, at: Place) -> str:
    """Why the study failed, if it did."""
    name = {"ProcessingJobName": f"{PREFIX}-study-{at.now}"}
    while (job := persona.client("sagemaker").describe_processing_job(**name))["ProcessingJobStatus"] == "InProgress":
        time.sleep(0.2)
    return "" if job["ProcessingJobStatus"] == "Completed" else job["FailureReason"]


def _clean(demo: Demo, at: Place) -> None:
    s3 = demo.client("s3")
    s3.delete_object(Bucket=at.transactions, Key="datasets/lab/x")
    s3.delete_object(Bucket=at.reports, Key="batch/lab/x")
    for item in s3.list_objects_v2(Bucket=at.artifacts, Prefix="lab/")["Contents"]:
        s3.delete_object(Bucket=at.artifacts, Key=item["Key"])
