"""What the tests of contrib/siem share: servers on 127.0.0.1 that end with the test, free ports,
and where things are. Python's standard library alone."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIEM = ROOT / "contrib" / "siem"
SAMPLE = SIEM / "sample.jsonl"
PACKAGES = ROOT / "build" / "packages"
MODULE = os.environ.get("NEARMISS_SO", ROOT / "build" / "module" / "nearmiss.so")
COMMAND = os.environ.get("NEARMISS_CLI", ROOT / "build" / "contrib" / "cli" / "nearmiss")
UNBOUND = os.environ.get("UNBOUND_BIN", ROOT / "build" / "unbound" / "unbound")


def free_port():
    """A port of 127.0.0.1 that nobody uses, for UDP and TCP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no port of 127.0.0.1 is free")


def wait_until(what, condition, seconds=60):
    """Waits until condition() is true and returns what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise RuntimeError(f"waited {seconds} s in vain: {what}")


@contextlib.contextmanager
def server(argv, log, **options):
    """A process for the length of a `with`; ended by its id, never by its name."""
    with open(log, "ab") as output:
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def fetch(url, body=None):
    """The text at a URL of 127.0.0.1; None if nobody answers there yet, or is not ready (503)."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, data=body, timeout=30) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return None
        raise RuntimeError(f"{url}: {error.code} {error.read().decode()}") from error
    except OSError:
        return None


def run(argv, **options):
    """The output of a command that must succeed."""
    result = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            **options)
    if result.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout
