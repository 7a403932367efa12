#!/usr/bin/env bash
# Makes the environment that the scripts beside it use: bash scripts/setup.sh [dev]
#
# `dev` adds what the tests need. The environment is .venv in the checkout, or $SIGHTLINE_VENV.
# With nothing changed, a second run installs nothing and needs no network. A run that was killed
# is finished by the next one.
# shellcheck source=environment.sh source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

stamp=$venv/.sightline-setup
pip=("$venv/bin/python" -m pip --disable-pip-version-check --no-input)

# The environment's state in one word: it changes with Python, the dependencies and the checkout's place.
fingerprint() {
  "$venv/bin/python" -c '
import hashlib, pathlib, sys
project = pathlib.Path(sys.argv[1], "pyproject.toml").read_bytes()
print(hashlib.sha256(project + sys.version.encode() + sys.argv[1].encode()).hexdigest())
' "$checkout" 2>/dev/null
}

# Executed, not only looked up: a version manager's shim exists for versions that do not run.
find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    "$name" -c 'import sys; print(sys.executable)'
    return
  done
  return 1
}

# missing_packages PYTHON: the Debian packages without which the environment cannot be made.
missing_packages() {
  local name include
  name=$("$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  include=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  "$1" -c 'import ensurepip, venv' 2>/dev/null || echo "$name-venv"
  has_distribution hnswlib && return # the only one without wheels
  command -v "$CXX" >/dev/null || echo g++
  [[ -f $include/Python.h ]] || echo "$name-dev"
}

# pip's last act is to write RECORD anew, with INSTALLER in it. A distribution whose RECORD is still
# the wheel's own is half installed, though pip takes it for whole.
forget_half_installed() {
  local info
  for info in "$venv"/lib/python3.*/site-packages/*.dist-info; do
    [[ -d $info ]] || continue
    grep -qs /INSTALLER, "$info/RECORD" && continue
    say "Installing $(basename "$info" .dist-info) again: its installation was interrupted"
    rm -rf -- "$info"
  done
}

make_venv() {
  local python missing
  python=$(find_python) || {
    system_packages "for Python 3.11 or newer" python3 python3-venv python3-dev g++ || exit 1
    python=$(find_python) || fail "No Python 3.11 or newer runs here; put one on PATH as python3.11 or later"
  }
  missing=$(missing_packages "$python")
  if [[ $missing ]]; then
    # shellcheck disable=SC2086  # one word per package
    system_packages "to make the environment (hnswlib has no wheels and is compiled)" $missing || exit 1
    missing=$(missing_packages "$python")
    [[ -z $missing ]] || fail "$python still lacks what these packages give: $missing"
  fi
  has_distribution pip && "${pip[@]}" --version >/dev/null 2>&1 && return
  say "Making $venv with $("$python" --version)"
  if [[ -e $venv/pyvenv.cfg ]] && ! "$venv/bin/python" -c '' 2>/dev/null; then
    "$python" -m venv --clear "$venv" # its Python is gone, and its packages with it
  else
    "$python" -m venv "$venv"
  fi
}

case "$*" in
'') extras='' ;;
dev) extras=' dev' ;;
*) fail "usage: bash scripts/setup.sh [dev]" ;;
esac

# Without a driver, nvidia-smi may be absent, fail, or succeed and list nothing.
if [[ $(nvidia-smi -L 2>/dev/null) == *GPU* ]]; then
  runtime=gpu other_runtime=onnxruntime
else
  runtime=cpu other_runtime=onnxruntime-gpu
fi

# Not every gcc or clang installation has the name that Python was built with; all have these.
export CC=${CC:-cc} CXX=${CXX:-c++}

# Distributions that own the same files; pip lets them overwrite each other without a word.
clashing=()
if has_distribution "$other_runtime"; then
  say "$other_runtime is installed where the $runtime build of ONNX Runtime belongs: replacing it"
  clashing+=(onnxruntime onnxruntime-gpu)
fi
if has_distribution pillow && has_distribution pillow-simd; then
  say "pillow and pillow-simd are both installed: going back to pillow alone"
  clashing+=(pillow pillow-simd)
fi

# use_pillow_simd.sh leaves neither behind when it is killed halfway.
has_pillow() {
  has_distribution pillow || has_distribution pillow-simd
}

# A prefix, so an environment with `dev` also serves those who need it without.
if has_pillow && [[ ${#clashing[@]} -eq 0 && -e $stamp && $(<"$stamp") == "$(fingerprint) $runtime$extras"* ]]; then
  exit
fi

rm -f -- "$stamp"
forget_half_installed
make_venv
if has_distribution pillow-simd && ! has_distribution pillow; then
  say "Going back from pillow-simd to pillow; run scripts/use_pillow_simd.sh for another swap"
  clashing+=(pillow pillow-simd)
fi
if [[ ${#clashing[@]} -gt 0 ]]; then
  "${pip[@]}" uninstall --yes --quiet "${clashing[@]}" >&2
fi
say "Installing Sightline and what it needs into $venv (a minute or two)"
"${pip[@]}" install --quiet --editable "${checkout}[$runtime${extras:+,dev}]" >&2 ||
  fail "Installing failed, see above; what was installed so far is kept, so run this again"
echo "$(fingerprint) $runtime$extras" >"$stamp"
