"""junit.py FILE: fails unless the file has the shape of Jenkins' junit-10.xsd, which Surefire's reports share."""

import re
import sys
from xml.etree import ElementTree

NUMBER, WHOLE = re.compile(r"\d+(\.\d+)?"), re.compile(r"\d+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
ANY = re.compile(r".*", re.S)
# Of each element: its attributes (a star: required) with their form, and its children in order with how many may be.
SHAPE = {
    "testsuites": ({"name": ANY, "tests": WHOLE, "failures": WHOLE, "errors": WHOLE, "disabled": WHOLE, "time": NUMBER}, ["testsuite"]),
    "testsuite": (
        {"name*": ANY, "tests*": WHOLE, "failures": WHOLE, "errors": WHOLE, "skipped": WHOLE, "disabled": WHOLE,
         "time": NUMBER, "timestamp": TIME, "hostname": ANY, "id": ANY, "package": ANY},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "testcase": ({"name*": ANY, "classname*": ANY, "time": NUMBER, "assertions": WHOLE, "status": ANY},
                 ["skipped", "error", "failure", "system-out", "system-err"]),
    "failure": ({"message": ANY, "type": ANY}, []),
    "error": ({"message": ANY, "type": ANY}, []),
    "skipped": ({"message": ANY}, []),
    "system-out": ({}, []),
    "system-err": ({}, []),
}


def look(element):
    attributes, children = SHAPE[element.tag]
    forms = {name.rstrip("*"): form for name, form in attributes.items()}
    for name, value in element.attrib.items():
        assert name in forms, f"<{element.tag}> has no attribute {name}"
        assert forms[name].fullmatch(value), f"{name}={value!r} of <{element.tag}>"
    for name in attributes:
        assert not name.endswith("*") or name.rstrip("*") in element.attrib, f"<{element.tag}> lacks {name}"
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order), f"the children of <{element.tag}> stand in another order"
    for child in element:
        look(child)


root = ElementTree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
look(root)
for suite in root:
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases), "tests"
    for word, kind in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]:
        assert int(suite.get(word)) == sum(case.find(kind) is not None for case in cases), word
    names = [(case.get("classname"), case.get("name")) for case in cases]
    assert len(set(names)) == len(names), "two cases of one name"
print(f"ok, {sum(len(suite) for suite in root)} elements")
