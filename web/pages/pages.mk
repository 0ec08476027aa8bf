# SPDX-License-Identifier: MIT
# The page that the daemon serves: the sources of web/pages with the browser's peer of $(BUILD)/web, under names that say what is in
# them, and compressed (web/pages/build.mjs). Needs node, and nothing from npm.

PAGE := $(BUILD)/page
PAGE_SRC := $(wildcard web/pages/*.js web/pages/*.mjs web/pages/*.css web/pages/*.html web/pages/*.svg web/pages/*.webmanifest)

$(PAGE)/index.html: $(PAGE_SRC) $(wildcard $(BUILD)/web/*)
	$(call quiet,PAGE)node web/pages/build.mjs $(PAGE) web/pages $(BUILD)/web

.PHONY: web-pages page-if-possible
web-pages: ## the page that the daemon serves, into build/page
	@tools/deps.sh build web
	@$(MAKE) --no-print-directory web
	@$(MAKE) --no-print-directory $(PAGE)/index.html $(SIM_PAGE)/index.html

# What `all` calls, behind web-if-possible: without the browser's peer, or without node, there is no page, and the daemon says so.
page-if-possible:
	@if [ ! -e $(BUILD)/web/usher.wasm ]; then :; elif ! command -v node >/dev/null; then \
	    echo "  no page: node is missing (tools/deps.sh web installs it)"; \
	else $(MAKE) --no-print-directory $(PAGE)/index.html $(SIM_PAGE)/index.html; fi

# Tests look at what is there.
web-tests: $(PAGE)/index.html
