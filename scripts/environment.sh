# shellcheck shell=bash
# Sourced by the scripts beside it: where things lie, how they speak, how a system package is got.
set -euo pipefail

checkout=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SIGHTLINE_VENV:-$checkout/.venv}
[[ $venv == /* ]] || venv=$PWD/$venv

# To stderr: stdout belongs to what the scripts run, so `demo.sh --json` can be piped.
say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$@"
  exit 1
}

# has_distribution NAME: whether the environment holds this distribution. A look at the file
# names, because starting pip takes longer than all that a second run has to do.
has_distribution() {
  [[ -d $venv ]] && (cd -- "$venv" && compgen -G "lib/python3.*/site-packages/${1//-/_}-*.dist-info") >/dev/null
}

# system_packages PURPOSE PACKAGE...: installs Debian packages when that can be done without
# asking anybody; otherwise names them, with the command to run, and returns 1.
system_packages() {
  local purpose=$1
  shift
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    say "Installing system packages $purpose: $*"
    apt-get update -qq >&2 || say "apt-get update failed; trying with the lists at hand"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  else
    say "Missing system packages $purpose: $*"
    say "On Debian and Ubuntu run: sudo apt-get install $*"
    say "Other systems have them under like names."
    return 1
  fi
}
