#!/bin/sh
# environment.sh PYTHON FOLDER PIP-ARGUMENTS...
# Makes a virtual environment where there is none, and installs into it.
set -eu

stop() {
  echo "$1" >&2
  exit 1
}

python=$1
folder=$2
shift 2
export PIP_DISABLE_PIP_VERSION_CHECK=1

[ -n "$python" ] || stop "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  stop "$python is not Python 3.11 or newer. Name another one: make PYTHON=/path/to/python3"

if [ ! -x "$folder/bin/python" ]; then
  echo "Making the environment $folder with $("$python" --version)"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$folder"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian keeps ensurepip in python3-venv; the system's pip can fill the environment as well.
    "$python" -m venv --without-pip "$folder"
    "$python" -m pip --quiet --python "$folder/bin/python" install pip ||
      stop "pip can't fill $folder. On Debian: apt-get install python3-venv, then remove $folder and run make again"
  else
    stop "$python has neither pip nor ensurepip. On Debian: apt-get install python3-venv"
  fi
fi

echo "Installing into $folder: $*"
"$folder/bin/python" -m pip install --quiet "$@"
