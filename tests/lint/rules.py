#!/usr/bin/env python3
"""The rules of docs/style.md that a program can check. One verdict a rule, each finding a line."""
import ast
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 800
FORBIDDEN_NAMES = {"util", "utils", "common", "misc", "helper", "helpers", "base"}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
XEN_HEADER = re.compile(r"^(xen/|xen[a-z]*\.h$|xenctrl|xs\.h$|xenstore)")
# Folders that may include a library's headers; everybody else goes through their interfaces.
CONFINED = [
    ("Xen", XEN_HEADER, ("ioreq/xen/", "hw/xen/", "tests/xensim/")),
    ("glib", re.compile(r"^(glib|gio)"), ("machine/loop/",)),
    ("nlohmann-json", re.compile(r"^nlohmann/"), ("machine/monitor/", "machine/config/", "tests/")),
    ("libvncserver", re.compile(r"^rfb/"), ("machine/display/", "machine/vnc/", "tests/")),
    ("GoogleTest", re.compile(r"^(gtest|gmock)/"), ("tests/",)),
]


def tracked():
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:  # a tree without git, such as an unpacked archive
        names = [str(p.relative_to(TOP)) for p in TOP.rglob("*") if p.is_file()]
        names = [n for n in names if not n.startswith("build") and "/.git/" not in n]
    return sorted(n for n in names if n and (TOP / n).is_file())


def text_of(name):
    try:
        return (TOP / name).read_text()
    except UnicodeDecodeError:
        return None


def code(names):
    return [n for n in names if n.endswith((".h", ".cc"))]


def includes(name):
    for quote, path in INCLUDE.findall(text_of(name) or ""):
        yield quote, path


def allowed(name, path):
    """Whether the file `name` may include the project's header `path` (house style, section B)."""
    if name.startswith("tests/"):
        return True
    if path.startswith("tests/"):
        return False
    own = os.path.dirname(name) + "/"
    if name.startswith("hw/emul/core/"):
        return path.startswith("hw/emul/core/")
    if name.startswith("hw/emul/ahci/") and path.startswith("hw/emul/ide/"):
        return True  # another controller of the same drives
    if name.startswith("hw/emul/"):
        return path.startswith((own, "hw/emul/core/", "hw/emul/pci/"))
    if name.startswith("hw/xen/"):
        return path.startswith(("hw/xen/", "hw/emul/core/", "hw/emul/pci/"))
    if name.startswith("ioreq/"):
        return path.startswith(("ioreq/", "hw/emul/core/", "hw/emul/pci/"))
    return True


def rule_direction(names):
    for name in code(names):
        for quote, path in includes(name):
            if quote == '"' and not allowed(name, path):
                yield f"{name}: includes {path}"


def rule_whole_paths(names):
    for name in code(names):
        for quote, path in includes(name):
            if quote == '"' and not (TOP / path).is_file():
                yield f'{name}: includes "{path}", which is no path from the top of the tree'


def rule_confined_libraries(names):
    for name in code(names):
        for quote, path in includes(name):
            for library, pattern, folders in CONFINED:
                if quote == "<" and pattern.match(path) and not name.startswith(folders):
                    yield f"{name}: includes <{path}>; {library} belongs in {', '.join(folders)}"


def rule_file_length(names):
    for name in names:
        if name == "LICENSE" or name.endswith((".png", ".json")):
            continue
        text = text_of(name)
        if text is not None and (count := text.count("\n")) > MAX_LINES:
            yield f"{name}: {count} lines; split it, {MAX_LINES} is the most"


def rule_names(names):
    for name in names:
        for part in pathlib.PurePath(name).parts:
            if part.split(".")[0].lower() in FORBIDDEN_NAMES:
                yield f"{name}: '{part}' says nothing about what is in it"


def rule_no_place(names):
    """Nothing of the machine or the planning that a file was written with."""
    # A class of one: what is forbidden does not stand here, either.
    patterns = [re.compile(p) for p in (r"/[w]ork/", r"/home/[a-z]", r"\bissue #?[0-9]", r"TODO|FIXME|\bXXX\b")]
    for name in names:
        if name in ("LICENSE", "tests/lint/rules.py"):
            continue
        for number, line in enumerate((text_of(name) or "").splitlines(), 1):
            for pattern in patterns:
                if pattern.search(line):
                    yield f"{name}:{number}: {pattern.search(line).group(0)!r}: {line.strip()[:80]}"


def rule_headers(names):
    for name in code(names):
        text = text_of(name) or ""
        if name.endswith(".h") and "#pragma once" not in text:
            yield f"{name}: no #pragma once"
        if name.endswith(".h") and not text.startswith("//"):
            yield f"{name}: no comment at its head that says what it is"
        if re.search(r"^\s*using namespace std", text, re.M):
            yield f"{name}: using namespace std"


def rule_tests_built(names):
    for name in names:
        if name.startswith("tests/") and name.endswith("_test.cc"):
            build = TOP / os.path.dirname(name) / "meson.build"
            if not build.is_file() or os.path.basename(name) not in build.read_text():
                yield f"{name}: not in {build.relative_to(TOP)}"


def rule_sources_built(names):
    for name in names:
        if name.endswith(".cc") and not name.startswith("tests/"):
            build = TOP / os.path.dirname(name) / "meson.build"
            if not build.is_file() or os.path.basename(name) not in build.read_text():
                yield f"{name}: not in {build.relative_to(TOP)}"


def rule_devices_documented(names):
    """Every chip has a page under docs/devices that names its source, or its whole folder."""
    pages = "".join(text_of(n) or "" for n in names if n.startswith("docs/devices/"))
    for name in names:
        if re.match(r"hw/(emul|xen)/(?!core/|pci/)[a-z0-9]+/[a-z0-9_]+_regs\.h$", name):
            stem = os.path.basename(name)[:-len("_regs.h")]
            folder = f"`{os.path.dirname(name)}/`"
            if folder not in pages and stem not in pages and stem.replace("_", "-") not in pages:
                yield f"{name}: no page in docs/devices names {stem}"


def rule_scripts_parse(names):
    for name in names:
        text = text_of(name)
        if text is None or name.endswith((".h", ".cc")):
            continue
        first = text.split("\n", 1)[0]
        shell = first.startswith("#!/bin/bash") or first.startswith("#!/bin/sh")
        if shell or name.startswith("tests/xenhost/jobs/") or name in ("tests/xenhost/lib", "tests/xenhost/host.sh"):
            done = subprocess.run(["bash", "-n", TOP / name], capture_output=True, check=False)
            if done.returncode != 0:
                yield f"{name}: {done.stderr.decode().splitlines()[0]}"
        if first.startswith("#!") and "python3" in first or name.endswith(".py"):
            try:
                ast.parse(text)
            except SyntaxError as error:
                yield f"{name}:{error.lineno}: {error.msg}"
        if first.startswith("#!") and not os.access(TOP / name, os.X_OK) and name != "tests/xenhost/guest-init":
            yield f"{name}: has an interpreter line and is not executable"


def rule_links(names):
    """Links between pages lead somewhere."""
    for name in names:
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(name) or ""):
            if "://" not in target and not (TOP / os.path.dirname(name) / target).exists():
                yield f"{name}: link to {target}, which is not there"


def rule_toolstack_tests(names):
    """docs/toolstacks.md: what is ticked names a test, and each test that is named is there."""
    page = "docs/toolstacks.md"
    tests = set()
    for name in names:
        if name.startswith("tests/") and name.endswith("_test.cc"):
            for suite, case in re.findall(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", text_of(name) or "", re.M):
                tests |= {f"{suite}.{case}", f"{suite}.*"}
    folders = {"host": ("tests/xenhost/jobs/",),
               "toolstack": ("tests/toolstack/transcripts/", "tests/toolstack/arguments/", "tests/toolstack/")}
    for line in (text_of(page) or "").splitlines():
        cells = [cell.strip() for cell in line.split("|")][1:-1]
        if len(cells) < 4 or cells[-2] not in ("✓", "–"):
            continue
        suite, found = None, 0
        for word, test in re.findall(r"\b(toolstack|host|unit|device|diff|lifecycle|xensim|qtest)\b|`([^`]+)`", cells[-1]):
            suite, found = word or suite, found + bool(test)
            if not test:
                continue
            if suite in folders:
                known = any(folder + test in names for folder in folders[suite])
            else:
                known = test in tests or test.endswith("*") and any(t.startswith(test[:-1]) for t in tests)
            if not known:
                yield f"{page}: {cells[0]}: {suite} `{test}` is not there"
        if not found:
            yield f"{page}: {cells[0]}: names no test"


RULES = {
    "includes point from machine to ioreq to devices, never back": rule_direction,
    "headers are included by their whole path": rule_whole_paths,
    "libraries stay in the folders that wrap them": rule_confined_libraries,
    f"no file is longer than {MAX_LINES} lines": rule_file_length,
    "no file or folder is called util, common, misc, helper or base": rule_names,
    "no path of a machine, no plan and no note to self in the tree": rule_no_place,
    "headers have a guard and say what they are": rule_headers,
    "every test file is built": rule_tests_built,
    "every source file is built": rule_sources_built,
    "every chip has its page in docs/devices": rule_devices_documented,
    "what docs/toolstacks.md ticks is tested": rule_toolstack_tests,
    "scripts parse": rule_scripts_parse,
    "links between pages lead somewhere": rule_links,
}


def main():
    names = tracked()
    failed = 0
    for what, rule in RULES.items():
        findings = list(rule(names))
        print(("FAIL " if findings else "PASS ") + what)
        for finding in findings:
            print(f"    {finding}")
        failed += bool(findings)
    return 1 if failed else 0


sys.exit(main())
