#!/usr/bin/env bash
# Installs what is missing and runs every check: bash scripts/test.sh [pytest arguments]
# shellcheck source=environment.sh source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

has_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

# Where git makes no symbolic links, only the type checker misses them.
link_import_names() {
  local pair
  for pair in sightline:engine sightline_kernels:kernels sightline_models:models; do
    [[ -d .typing/${pair%:*} ]] || ln -sfn "../${pair#*:}" ".typing/${pair%:*}"
  done
}

bash "$checkout/scripts/setup.sh" dev
has_postgres || system_packages "for the tests against a real PostgreSQL" postgresql ||
  say "Going on without PostgreSQL: its tests are skipped"

cd -- "$checkout"
mkdir -p .typing
link_import_names

# -P: the folders kernels/ and models/ must not be importable under names that belong to others.
python=("$venv/bin/python" -P)
"${python[@]}" -m ruff check .
"${python[@]}" -m ruff format --check .
export MYPYPATH=.typing
"${python[@]}" -m mypy -p sightline -p sightline_kernels -p sightline_models
"${python[@]}" -m mypy bench
# Once as plain Python: out-of-bounds reads that compiled kernels pass over become IndexErrors.
NUMBA_DISABLE_JIT=1 "${python[@]}" -m pytest --quiet tests/kernels
"${python[@]}" -m pytest --quiet --doctest-modules --pyargs sightline sightline_kernels
"${python[@]}" -m pytest "$@"
