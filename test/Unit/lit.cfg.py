"""The GoogleTest programs, run by lit."""

import os

import lit.formats

config.name = "dlc-unit"
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.suffixes = []
config.test_source_root = config.dl_unit_root
config.test_exec_root = config.dl_unit_root
if lit_config.params.get("fast"):
    config.environment["DL_FAST"] = "1"
for name in ("DLC_DATA", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
# No folder: tests compile what they test, and leave the user's cache alone.
config.environment["XDG_CACHE_HOME"] = "/dev/null"
