"""The extension's CMake files name every file that Slicer has to install, and configure against its macros."""

from __future__ import annotations

import importlib.util
import re
import shutil
import struct
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
PARTS = [part for part in ("Y90DosimetryLib", "Y90Dosimetry") if (ROOT / part / "CMakeLists.txt").exists()]
IGNORED = {"__pycache__", "CMakeLists.txt", ".DS_Store"}


def variable(name: str, text: str = TOP) -> str:
    """Return the value of a CMake variable that is set to one quoted string."""
    found = re.search(rf'set\({name} "([^"]*)"\)', text)
    assert found, f"{name} is not set to a quoted string"
    return found[1]


def listed(name: str, text: str) -> list[str]:
    """Return the entries of a CMake list."""
    found = re.search(rf"set\({name}\s([^)]*)\)", text)
    assert found, f"{name} is not set"
    return found[1].split()


def on_disk(part: str) -> set[str]:
    """Return every file of a part, as paths inside it."""
    folder = ROOT / part
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not IGNORED.intersection(path.parts)}


@pytest.mark.parametrize("part", PARTS)
def test_each_file_is_listed_once_and_each_listed_file_exists(part: str) -> None:
    text = (ROOT / part / "CMakeLists.txt").read_text(encoding="utf-8")
    scripts, resources = listed("MODULE_PYTHON_SCRIPTS", text), listed("MODULE_PYTHON_RESOURCES", text)
    files = scripts + resources
    assert len(files) == len(set(files)), "a file is listed twice"
    assert set(files) == on_disk(part), "run `make cmake-lists`"
    assert all(file.endswith(".py") for file in scripts)
    assert not any(file.endswith(".py") for file in resources)


def test_the_tool_that_writes_the_lists_leaves_a_current_file_alone_and_mends_an_old_one() -> None:
    tool = _cmake_lists()
    text = (ROOT / "Y90DosimetryLib" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert tool.with_lists(text, tool.files_on_disk(ROOT / "Y90DosimetryLib")) == text
    old = text.replace("  errors.py\n", "  gone.py\n")
    assert old != text
    assert tool.with_lists(old, tool.files_on_disk(ROOT / "Y90DosimetryLib")) == text


def test_the_catalog_entry_satisfies_the_extensions_index() -> None:
    assert re.search(r"^project\(Y90Dosimetry\)$", TOP, re.MULTILINE)
    assert variable("EXTENSION_CATEGORY") == "Nuclear Medicine"
    assert variable("EXTENSION_DEPENDS") == "NA"
    for name in ("HOMEPAGE", "ICONURL", "SCREENSHOTURLS"):
        assert all(url.startswith("https://") for url in variable(f"EXTENSION_{name}").split())
    assert ";" not in variable("EXTENSION_DESCRIPTION"), "CMake would read a list"
    assert (ROOT / "LICENSE.txt").exists()
    assert (ROOT / "README.md").exists()


def test_the_icon_of_the_catalog_is_a_png_of_128_pixels_in_this_repository() -> None:
    path = ROOT / variable("EXTENSION_ICONURL").split("/main/")[1]
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (128, 128)


def test_the_extension_configures_and_installs_the_library_beside_the_modules(tmp_path: Path) -> None:
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    (tmp_path / "SlicerConfig.cmake").write_text(STAND_IN, encoding="utf-8")
    subprocess.run(
        [cmake, "-S", str(ROOT), "-B", str(tmp_path / "build"), f"-DSlicer_DIR={tmp_path}"],
        check=True,
        capture_output=True,
    )
    installed = tmp_path / "installed"
    install = [cmake, "--install", str(tmp_path / "build"), "--prefix", str(installed)]
    subprocess.run(install, check=True, capture_output=True)
    library = installed / "qt-scripted-modules" / "Y90DosimetryLib"
    found = {path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file()}
    assert found == on_disk("Y90DosimetryLib")


def _cmake_lists() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cmake_lists", ROOT / "Testing" / "Tools" / "cmake_lists.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What the extension uses of Slicer's build: the same names and arguments, a plain install instead of a build.
STAND_IN = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/use.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/use.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/use.cmake")
file(WRITE "${CMAKE_CURRENT_LIST_DIR}/use.cmake" "")
function(slicer_add_python_unittest)
endfunction()
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(NOT MY_NAME OR MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "NAME is missing or an argument is unknown: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  set(to "qt-scripted-modules")
  if(MY_WITH_SUBDIR)
    get_filename_component(name "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    set(to "${to}/${name}")
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
      message(FATAL_ERROR "nonexistent file '${file}'")
    endif()
    get_filename_component(folder "${file}" DIRECTORY)
    install(FILES "${file}" DESTINATION "${to}/${folder}")
  endforeach()
endfunction()
"""
