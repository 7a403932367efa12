#!/usr/bin/env bash
# Installs what is missing and runs the main job on a made-up shop: bash scripts/demo.sh [--json ...]
# shellcheck source=environment.sh source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

bash "$checkout/scripts/setup.sh"
exec "$venv/bin/sightline" demo "$@"
