# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Assert that each line of a file is JSON and valid: validate.py SCHEMA FILE"""
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as schema:
    validator = jsonschema.Draft7Validator(json.load(schema))
with open(sys.argv[2], encoding="utf-8") as lines:
    values = [json.loads(line) for line in lines if line.strip()]
for value in values:
    for error in validator.iter_errors(value):
        for detail in error.context or [error]:
            print(detail.message, list(detail.absolute_path))
        sys.exit(f"not valid: {json.dumps(value)[:2000]}")
print(len(values), "values")
