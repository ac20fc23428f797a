"""Game days and drills for `.ci/api` to ask about.

  api_days.py prepare URL FILE   holds them on the server, and writes its document with their names in it
  api_days.py check URL FILE     fails when an operation of that document never did what it is there for

The token stands in FIREDRILL_TOKEN.
"""

import json
import os
import re
import socket
import sys
import time
import urllib.error
import urllib.request

URL, FILE = sys.argv[2:4]
# Streams do not end, and the lever would turn every other answer into a refusal: nobody asks for them.
NOT_ASKED = {"changes", "drill_events", "gameday_events", "halt", "release"}
QUESTION = "Who tells the customers?"
ASKS = [{"ask": f"Is everybody of team {n} there?"} for n in range(1, 9)]
REVIEW = {"questions": ["What surprised you?", "What was missing?"]}


def ask(path, body=None, method=None):
    """An answer as JSON, or as text where it is none; a refusal ends it all with what the server said."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {os.environ['FIREDRILL_TOKEN']}", "content-type": "application/json"}
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        text = urllib.request.urlopen(request, timeout=30).read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error.code} {error.read().decode()}")
    try:
        return json.loads(text)
    except ValueError:
        return text


def until(what, look):
    """Waits until a look finds something, and gives it."""
    for _ in range(600):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"waited in vain for {what}: {json.dumps(ask('/v1/status'))}")


def scenario(name, route, more):
    """The server itself behind a route of the drill's own: a service that answers."""
    probe = {"name": "shop", "http": f"http://{route}/healthCheck", "tolerance": {"status": 200, "failures": "1 of 5"}}
    return {
        "firedrill": "v1", "kind": "Scenario", "name": name, "title": "The shop behind a slow route",
        "routes": {"shop": {"listen": route, "upstream": URL.removeprefix("http://"), "protocol": "http"}},
        "load": {"http": f"http://{route}/healthCheck", "rate": "20/s"},
        "hypothesis": {"believe": "Users wait, and nothing breaks"},
        **more,
        "steady_state": {"every": "100ms", "stable_for": "500ms", "probes": [probe], **more["steady_state"]},
    }


def catalog():
    """Every scenario and playbook, by path. JSON is YAML too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        route = "127.0.0.1:%d" % free.getsockname()[1]
    fault = {"id": "slow", "latency": "50ms", "target": "route/shop"}
    quick = scenario("quick", route, {
        "steady_state": {"no_impact_after": "500ms"},
        "faults": [{**fault, "until": "1s", "max": "20s"}],
    })
    # It is still under way when everything has been asked.
    long = scenario("long", route, {
        "steady_state": {"no_impact_after": "10m"},
        "faults": [{**fault, "until": "10m", "max": "15m"}],
        "expect": {"alarms": [{"match": "LabArrives", "within": "10m", "from": "effect"}]},
        "playbook": {"name": "patience", "start": "manual"},
    })
    look = {"manual": "Look once more", "timeout": "10m", "on_failure": "continue"}
    patience = {
        "firedrill": "v1", "kind": "Playbook", "name": "patience",
        "steps": [{"id": f"look-{n}", **look} for n in range(1, 31)],
    }
    return {"scenarios/quick.yaml": quick, "scenarios/long.yaml": long, "playbooks/patience.yaml": patience}


def bundle(files, name, more):
    day = {"firedrill": "v1", "kind": "GameDay", "name": name, "title": "The shop on a Tuesday", **more}
    files = {f"{name}.yaml": day, **files}
    texts = [{"path": path, "text": json.dumps(file, indent=1)} for path, file in files.items()]
    return {"main": f"{name}.yaml", "files": texts}


def add(given, times=1):
    return [ask("/v1/gamedays", given)["id"] for _ in range(times)]


def act(day, what, body):
    ask(f"/v1/gamedays/{day}/{what}", body)


def is_in(day, state):
    until(f"{day} to be {state}", lambda: ask(f"/v1/gamedays/{day}")["line"]["state"] == state)


def begun(day, run):
    until(f"run {run} of {day}", lambda: ask(f"/v1/gamedays/{day}")["runs"][run - 1]["state"] == "running")


def reviewed(talked):
    act(talked, "start", {})
    begun(talked, 1)
    act(talked, "answers", {"run": 1, "text": "Cleo does"})
    is_in(talked, "reviewing")


def hold(files):
    """Holds game days; gives their names, by the operations that each is there for."""
    held = bundle(files, "held", {
        "injects": [{"scenario": "quick"}, {"scenario": "quick", "control": "sham"}, {"ask": QUESTION}],
        "review": REVIEW,
    })
    talked = bundle(files, "talked", {"injects": [{"ask": QUESTION}], "review": REVIEW})
    asked = bundle(files, "asked", {"preflight": ASKS, "injects": ASKS})
    answered = bundle(files, "answered", {"injects": ASKS, "review": REVIEW})
    waits = bundle(files, "waits", {"approvals": {"count": 1}, "preflight": ASKS, "injects": [{"scenario": "quick"}]})
    long = bundle(files, "long", {"injects": [{"scenario": "long"}, {"ask": QUESTION}], "review": REVIEW})
    [closed] = add(held)
    act(closed, "start", {})
    begun(closed, 3)
    act(closed, "answers", {"run": 3, "text": "Cleo does"})
    is_in(closed, "reviewing")
    act(closed, "reviews", {"question": "1", "answer": "Nothing did"})
    act(closed, "findings", {"title": "No alarm came", "owner": "ana", "due": "2030-01-31"})
    act(closed, "close", {})
    is_in(closed, "closed")
    to_close, to_review = add(talked, 2), add(talked, 1)
    for day in to_close + to_review:
        reviewed(day)
    to_answer, to_waive, to_answer_runs = add(asked), add(asked), add(answered)
    for day in to_answer + to_waive + to_answer_runs:
        act(day, "start", {})
    begun(to_answer_runs[0], 1)
    over = [drill["id"] for drill in ask("/v1/drills")["drills"]]
    [running] = add(long)
    act(running, "start", {})
    begun(running, 1)
    under_way = until("a drill", lambda: ask("/v1/drills?scenario=long&state=running")["drills"])[0]["id"]
    until("its fault", lambda: any(
        fault["state"] == "effective" for fault in (ask(f"/v1/drills/{under_way}")["status"] or {}).get("faults", [])))
    days = {
        "approve_gameday": add(waits, 2), "start_gameday": add(talked, 2), "stop_gameday": add(talked, 2),
        "pause_gameday": [running], "resume_gameday": [running], "close_gameday": to_close, "review": to_review,
        "answer": to_answer + to_answer_runs, "waive": to_waive, "note_gameday": [running, closed],
        "add_finding": to_review + [closed],
    }
    return days, [closed, running], over[:1] + [under_way], under_way, bundle(files, "added", {"injects": ["quick"]})


def kept(name):
    with open(os.path.join(os.path.dirname(__file__), "../tests/files/alarms", name)) as file:
        return json.load(file)


def named(document, held):
    """Puts names that there are beside the pattern of every name, and bodies that are understood beside the schemas."""
    days, any_day, drills, under_way, added = held
    bodies = {
        "add_gameday": [added], "approve_gameday": [{"in_stead_of": "ana"}], "waive": [{"item": "ask-1", "reason": "x"}],
        "answer": [{"item": "ask-1", "ok": True}, {"run": 1, "text": "Cleo does"}],
        "note_gameday": [{"text": "Quiet so far"}], "note_drill": [{"text": "Quiet so far", "action": True}],
        "add_finding": [{"title": "No alarm came", "due": "2030-01-31"}],
        "review": [{"question": "1", "answer": "Nothing did"}], "answer_step": [{"answer": {"is": "done"}}],
        "set_fault": [{"set": {"delay": "60ms"}}], "alertmanager": [kept("webhook-firing.json")],
        "generic_alarm": [{"alertname": "LabArrives", "status": "firing"}],
        "emulate_alertmanager": [kept("prometheus-firing.json")],
    }
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            name = operation["operationId"]
            known = {"step": [f"look-{n}" for n in range(1, 31)], "fault": ["slow"], "name": ["quick", "long"]}
            known["id"] = days.get(name, drills if "/drills/" in path else any_day)
            if name in ("answer_step", "note_drill", "set_fault", "start_playbook"):
                known["id"] = [under_way]
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    names = known[parameter["name"]]
                    # Half of what is made up is a name that there is, and half any name: 404 is an answer too.
                    parameter["schema"] = {"anyOf": [{"enum": names}, parameter["schema"]]}
                    parameter["examples"] = {name: {"value": name} for name in names}
            if name in bodies:
                media = operation["requestBody"]["content"]["application/json"]
                media["examples"] = {f"{name}-{n}": {"value": body} for n, body in enumerate(bodies[name])}
    return document


def prepare():
    document = named(ask("/v1/openapi.json"), hold(catalog()))
    with open(FILE, "w") as file:
        json.dump(document, file, indent=1)


def check():
    with open(FILE) as file:
        operations = [operation for verbs in json.load(file)["paths"].values() for operation in verbs.values()]
    answers = re.findall(r'^firedrill_requests_total\{route="(\w+)",status="2\d\d"\}', ask("/metrics"), re.M)
    # The paths of the alarm intake are counted as one.
    counted = {"alarms" if operation["tags"] == ["alarms"] else operation["operationId"] for operation in operations}
    never = sorted(counted - NOT_ASKED - set(answers))
    asked = [operation for operation in operations if operation["operationId"] not in NOT_ASKED]
    print(f"{len(asked) - len(never)} of {len(asked)} operations did what they are there for")
    if never:
        sys.exit(f"never: {', '.join(never)}; .ci/api_days.py says what they are asked about")


{"prepare": prepare, "check": check}[sys.argv[1]]()
