"""Large blocks are used again on glibc, and nothing is touched elsewhere."""

import ctypes
import os
import subprocess
import sys

import pytest

from bench import allocation

MEBIBYTE = 1 << 20
REUSE = f"""
import ctypes, resource, sys
from bench.allocation import keep_large_blocks
if sys.argv[1] == "kept":
    assert keep_large_blocks()
    assert keep_large_blocks()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = libc.malloc({64 * MEBIBYTE})
    libc.memset(block, 1, {64 * MEBIBYTE})
    libc.free(block)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def faults_of_the_second_use(setting, **environment):
    plain = {name: value for name, value in os.environ.items() if name not in allocation.OWN_SETTINGS}
    command = [sys.executable, "-c", REUSE, setting]
    return int(subprocess.check_output(command, env=plain | environment, text=True))


@pytest.mark.skipif(not allocation.on_glibc(), reason="another C library")
def test_a_large_block_is_used_again_without_a_page_fault():
    # A page is 4 KiB, or 2 MiB where the system has huge ones: 64 MiB cost 32 faults at least.
    assert faults_of_the_second_use("plain") >= 32
    assert faults_of_the_second_use("kept") < 8


def test_nothing_is_touched_on_another_c_library(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("the C library was asked for"))
    for name in allocation.OWN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "confstr", lambda name: None)
    assert not allocation.keep_large_blocks()

    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown)
    assert not allocation.keep_large_blocks()
    monkeypatch.delattr(os, "confstr")
    assert not allocation.keep_large_blocks()


@pytest.mark.parametrize("name", allocation.OWN_SETTINGS)
def test_settings_of_the_user_stand(monkeypatch, name):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("the C library was asked for"))
    monkeypatch.setenv(name, "1")
    assert not allocation.keep_large_blocks()


@pytest.mark.parametrize(("newest_refuses", "accepted"), [(False, 1 << 30), (True, 32 << 20)])
def test_what_is_set(monkeypatch, newest_refuses, accepted):
    """An older glibc refuses a high threshold for mapping, and takes its own maximum."""
    said = {}

    class Library:
        @staticmethod
        def mallopt(parameter, value):
            if newest_refuses and parameter == allocation.M_MMAP_THRESHOLD and value > 32 << 20:
                return 0
            said[parameter] = value
            return 1

    for name in allocation.OWN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocation, "on_glibc", lambda: True)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    assert allocation.keep_large_blocks()
    assert said == {-3: accepted, -1: 1 << 30}
