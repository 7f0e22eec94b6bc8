"""Sum up JUnit files: print `passed failed` (errors count as failed, skips as neither)."""

import sys
import xml.etree.ElementTree as ET

passed = failed = 0
for path in sys.argv[1:]:
    for suite in ET.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        ran = int(suite.get("tests", "0")) - int(suite.get("skipped", "0"))
        failed += bad
        passed += max(0, ran - bad)
print(passed, failed)
