#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A file whose way is cut twenty times: tests/e2e/peer_files_cuts.test.mjs, which `make check` runs with one cut.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
[ "$(id -u)" = 0 ] || { skip cuts 'needs root, for network namespaces'; exit 0; }
try 'a file whose cable is pulled twenty times' env CUTS=20 node --test tests/e2e/peer_files_cuts.test.mjs
