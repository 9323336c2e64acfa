"""Known faults of our dependencies, as pip-audit finds them: 1 if there are any, 0 if none is known."""

import json
import subprocess
import sys


def main(lock: str) -> int:
    """``python tests/audit.py requirements.lock``, with pip-audit installed beside the interpreter."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
        "-r",
        lock,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("known faults: the registry could not be asked")
        return 0
    asked = [package for package in packages if "vulns" in package]
    faults = [f"{one['name']} {one['version']}: {fault['id']}" for one in asked for fault in one["vulns"]]
    print(f"known faults: {len(faults)} in {len(asked)} packages; {len(packages) - len(asked)} could not be asked for")
    print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
