#!/usr/bin/env bash
# Swaps Pillow for pillow-simd, whose resize is several times faster: bash scripts/use_pillow_simd.sh
#
#   --avx2   compile for CPUs with AVX2 (the default build needs SSE4 only)
#   --back   return to Pillow
#
# pillow-simd trails Pillow by some releases of security fixes: weigh that before letting it read
# strangers' pictures. Running setup.sh after a change of dependencies also returns to Pillow.
# shellcheck source=environment.sh source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

pip=("$venv/bin/python" -m pip --disable-pip-version-check --no-input)
headers=(libjpeg-dev zlib1g-dev libwebp-dev libtiff-dev liblcms2-dev libopenjp2-7-dev)
wheels=$(mktemp -d)
trap 'rm -rf -- "$wheels"' EXIT

# Asked for by name, a codec whose headers are missing stops the build instead of vanishing from it.
build_pillow_simd() {
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    avif_is_new_enough && headers+=(libavif-dev)
    dpkg-query --show "${headers[@]}" >/dev/null 2>&1 || system_packages "to compile pillow-simd" "${headers[@]}"
  fi
  say "Compiling pillow-simd ($CC)"
  "${pip[@]}" wheel --quiet --no-deps --no-cache-dir --no-binary pillow-simd --wheel-dir "$wheels" \
    -C jpeg=enable -C zlib=enable -C webp=enable -C tiff=enable -C lcms=enable -C jpeg2000=enable \
    pillow-simd >&2 ||
    fail "pillow-simd was not built, see above; Pillow is untouched. The headers it needs on Debian: ${headers[*]}"
}

# pillow-simd does not build against libavif before 1.0, which Debian 12 has.
avif_is_new_enough() {
  local candidate
  candidate=$(apt-cache policy libavif-dev | awk '/Candidate:/ { print $2 }')
  [[ $candidate ]] && dpkg --compare-versions "$candidate" ge 1.0
}

fetch_pillow() {
  local requirement
  requirement=$("$venv/bin/python" -c '
from importlib.metadata import requires
print(next(line for line in requires("sightline") or () if line.startswith("pillow")))')
  "${pip[@]}" wheel --quiet --no-deps --wheel-dir "$wheels" "$requirement" >&2
}

# Both out before one goes in: they own the same files, and one over the other leaves a mixture.
swap() {
  "${pip[@]}" uninstall --yes --quiet pillow pillow-simd >&2
  "${pip[@]}" install --quiet --no-deps --no-index "$wheels"/*.whl >&2
}

report() {
  "$venv/bin/python" -c '
import PIL
from PIL import features
codecs = ["jpg", "libjpeg_turbo", "zlib", "webp", "libtiff", "jpg_2000", "avif", "littlecms2"]
missing = [codec for codec in codecs if not features.check(codec)]
print("PIL", PIL.__version__, "reads with:", ", ".join(sorted(set(codecs) - set(missing))))
print("Not in this build:", ", ".join(missing) or "nothing")'
}

bash "$checkout/scripts/setup.sh"
export CC=${CC:-cc}
case "$*" in
'') build_pillow_simd ;;
--avx2)
  grep -qw avx2 /proc/cpuinfo || fail "This CPU has no AVX2: leave --avx2 out"
  CC+=" -mavx2"
  build_pillow_simd
  ;;
--back) fetch_pillow ;;
*) fail "usage: bash scripts/use_pillow_simd.sh [--avx2 | --back]" ;;
esac
swap
report
