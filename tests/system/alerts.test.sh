#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The alerts, read by Prometheus's own tool: it is taken out of Debian's package, which is not installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh

tool=$BUILD/roots/prometheus/usr/bin/promtool
fetch() {
    mkdir -p "$BUILD/roots/prometheus" && cd "$BUILD/roots/prometheus" && apt-get download -q prometheus &&
        dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm prometheus_*.deb
}
[ -x "$tool" ] || (fetch) >&2
if ! [ -x "$tool" ]; then
    skip 'the alerts' 'the package prometheus could not be fetched'
    exit
fi

# Each headline that an alert sends its reader to, and one case for each alert.
complete() {
    local heading name
    sed -n 's/^ *see: //p' docs/prometheus-rules.yml | sort -u | while read -r heading; do
        grep -qx "### $heading" docs/operations.md || echo "docs/operations.md has no \"### $heading\""
    done
    sed -n 's/^ *- alert: //p' docs/prometheus-rules.yml | while read -r name; do
        grep -q "alertname=\"$name\"" tests/system/alerts.test.yml || echo "tests/system/alerts.test.yml has no $name"
    done
}

cp tests/system/alerts.test.yml "$scratch/test.yml"
cp docs/prometheus-rules.yml "$scratch/rules.yml"
try 'promtool reads the rules' "$tool" check rules docs/prometheus-rules.yml
try 'each alert fires when it should, and for nobody who is well' "$tool" test rules "$scratch/test.yml"
missing=$(complete)
echo "$missing" >&2
try 'each has a case, and an incident page' [ -z "$missing" ]
