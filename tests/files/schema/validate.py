"""validate.py SCHEMA FILE...: one line for each file, judged by python's jsonschema."""

import json
import sys

import jsonschema
import yaml

schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    document = yaml.safe_load(open(path, encoding="utf-8"))
    problems = sorted(f"{problem.json_path} {problem.message}" for problem in validator.iter_errors(document))
    print(f"bad {path}: {'; '.join(problems)[:2000]}" if problems else f"ok {path}")
