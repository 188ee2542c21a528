#!/bin/sh
# orthanc.sh FOLDER
# Unpacks Debian's or Ubuntu's Orthanc, a small PACS for the tests, into FOLDER. Nothing is installed, so that no
# service is started; root is needed only to fetch the lists of packages where there are none yet.
# Without it the tests that talk to a real PACS skip and say so.
set -u

case $1 in
  /*) folder=$1 ;;
  *) folder=$PWD/$1 ;;
esac

without() {
  echo "No Orthanc ($1): the tests with a real PACS are skipped"
  exit 0
}

[ ! -x "$folder/usr/sbin/Orthanc" ] || exit 0
! command -v Orthanc >/dev/null || exit 0
command -v apt-get >/dev/null && command -v dpkg >/dev/null || without "it is a Debian package"
needed() { apt-get --simulate --no-install-recommends install orthanc 2>/dev/null | awk '/^Inst/ { print $2 }'; }
packages=$(needed)
if [ -z "$packages" ] && [ "$(id -u)" = 0 ]; then
  apt-get update -qq >/dev/null 2>&1
  packages=$(needed)
fi
[ -n "$packages" ] || without "the lists of packages do not have it; run apt-get update"
rm -rf "$folder"
mkdir -p "$folder/packages" && cd "$folder/packages" || without "can't write $folder"
echo "Unpacking Orthanc for the tests:" $packages
if apt-get download -qq $packages >/dev/null 2>&1; then
  for package in ./*.deb; do dpkg --extract "$package" "$folder" || break; done
fi
cd / && rm -rf "$folder/packages"
[ -x "$folder/usr/sbin/Orthanc" ] || { rm -rf "$folder"; without "it can't be fetched"; }
