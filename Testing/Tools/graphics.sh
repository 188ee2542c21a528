#!/bin/sh
# Debian's libraries that the wheels of VTK and Qt load to draw without a screen; installed where root may.
# Without them the tests that draw or open a window skip and say so.
set -u

packages="libegl1 libgl1 libgl1-mesa-dri libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0 libxrender1 fonts-dejavu-core"
command -v dpkg-query >/dev/null || exit 0
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
  echo "Installing Debian packages for drawing without a screen:$missing"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    echo "They can't be installed: tests that draw are skipped"
else
  echo "Tests that draw are skipped until root installs:$missing"
fi
exit 0
