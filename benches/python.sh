#!/usr/bin/env bash
# Runs a Python script with the packages that a requirements file pins: benches/python.sh REQUIREMENTS SCRIPT [ARG...]
#
# The packages live in the cache, one environment for each content of a requirements file and Python, made when first
# needed: CRANNOG_CACHE, or crannog/ under XDG_CACHE_HOME or ~/.cache.
set -euo pipefail

requirements=$1
shift
cache=${CRANNOG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crannog}
key=$( (cat "$requirements"; python3 -V; uname -sm) | cksum | tr ' ' '-')
environment=$cache/python/$key

if [ ! -x "$environment/bin/python" ]; then
    echo "installing $(grep -c == "$requirements") packages of $requirements into $environment" >&2
    # Made aside and moved into place, so that an install that was cut short is not taken for a whole one.
    fresh=$environment.$$
    trap 'rm -rf "$fresh"' EXIT
    python3 -m venv "$fresh"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
    [ -e "$environment" ] || mv "$fresh" "$environment"
    rm -rf "$fresh"
    trap - EXIT
fi

export CRANNOG_CACHE=$cache PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" "$@"
