#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The daemon behind nginx, haproxy and Caddy: the same file that `make check` runs.
exec node --test --test-reporter=tap tests/e2e/proxies.test.mjs
