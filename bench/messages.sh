#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What messages between two peers cost, ROUNDS=3 times; raw figures go to results/.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
cd "$bench"
build=$(cd .. && cd "${BUILD:-build}" && pwd)
mkdir -p results
results=results/messages-$(date -u +%Y-%m-%dT%H%M%SZ).txt
{
    echo "# usher pipe to usher pipe, signed, sealed, on disk; Node $(node --version) writes and reads the lines"
    echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)"
} | tee "$results"
for _ in $(seq "${ROUNDS:-3}"); do
    node messages.mjs "$build" "${ONE_BY_ONE:-1000}" "${AT_ONCE:-20000}" | tee -a "$results"
done
