#!/bin/sh
# Debian's packages for tests that draw without a screen (libraries that the wheels of VTK and Qt load) or that read
# the report in a browser. Root is asked on a terminal; CI and Y90_INSTALL=1 install without a question.
# Without them those tests skip and say so.
set -u

packages="libegl1 libgl1 libgl1-mesa-dri libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0 libxrender1 fonts-dejavu-core chromium"
command -v dpkg-query >/dev/null || exit 0
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
answer=no
if [ "$(id -u)" = 0 ]; then
  if [ -n "${CI:-}${Y90_INSTALL:-}" ]; then
    answer=yes
  elif [ -t 0 ] && [ -t 1 ]; then
    printf 'Install Debian packages for the tests that draw:%s? [y/N] ' "$missing"
    read -r answer
  fi
fi
case "$answer" in
  y* | Y*)
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
      echo "They can't be installed: tests that draw are skipped"
    ;;
  *) echo "Some tests that draw are skipped; as root, Y90_INSTALL=1 make test installs:$missing" ;;
esac
exit 0
