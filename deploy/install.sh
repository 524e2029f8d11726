#!/bin/sh
# Installs petrosa on a Linux host: the binary, once its checksum is found right, and the units of systemd.
# Safe to run twice: what is there and right stays, settings are never overwritten, nothing is started.
set -eu

usage() {
  cat <<'TEXT'
deploy/install.sh [--binary FILE] [--sums FILE] [--root DIR]
  --binary  what to install; where none is named dist/release/petrosa-linux-x64 or -arm64, whichever fits
  --sums    a SHA256SUMS file that names it; SHA256SUMS beside it where none is named
  --root    another root than /, for images and tests: no user is made there
TEXT
}

give_up() {
  echo "install: $*" >&2
  exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
binary=$here/../dist/release/petrosa-linux-$arch
sums=''
root=''
while [ $# -gt 0 ]; do
  case $1 in
    --binary) binary=${2:?--binary names no file}; shift 2 ;;
    --sums) sums=${2:?--sums names no file}; shift 2 ;;
    --root) root=${2:?--root names no folder}; shift 2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; give_up "what is $1?" ;;
  esac
done
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || give_up "it writes to /usr/local and /etc: run it with sudo"
[ -f "$binary" ] || give_up "there is no $binary: build it (bun run release:build), or name it with --binary"
[ -n "$sums" ] || sums=$(dirname "$binary")/SHA256SUMS
[ -f "$sums" ] || give_up "there is no $sums: take it from the release, or name it with --sums"

name=$(basename "$binary")
wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$sums")
[ -n "$wanted" ] || give_up "$sums does not name $name"
found=$(sha256sum "$binary" | cut -d ' ' -f 1)
[ "$wanted" = "$found" ] ||
  give_up "$name is not what $sums says: its sha256 is $found, not $wanted; fetch it again"

# Copies a file where it differs, in one step, so that nobody ever runs half of one.
put() { # from, to, mode
  if [ -f "$2" ] && cmp -s "$1" "$2"; then
    echo "unchanged: $2"
    return
  fi
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  mv "$2.new" "$2"
  echo "installed: $2"
}

put "$binary" "$root/usr/local/bin/petrosa" 0755
for unit in "$here"/systemd/*.service "$here"/systemd/*.timer; do
  put "$unit" "$root/etc/systemd/system/$(basename "$unit")" 0644
done
settings=$root/etc/petrosa/petrosa.env
if [ -f "$settings" ]; then
  echo "kept: $settings"
else
  put "$here/systemd/petrosa.env" "$settings" 0600
fi
if [ -z "$root" ]; then
  id petrosa >/dev/null 2>&1 || useradd --system --home-dir /var/lib/petrosa --shell /usr/sbin/nologin petrosa
  if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
cat <<TEXT
Settings: $settings. Then one of
  systemctl enable --now petrosa.service
  systemctl enable --now petrosa-run.timer petrosa-gaps.timer
TEXT
