# SPDX-License-Identifier: MIT
# The page that the daemon serves: the sources of web/pages with the browser's peer of $(BUILD)/web, under names that say what is in
# them, and compressed (web/pages/build.mjs). Needs node, and nothing from npm.

PAGE := $(BUILD)/page
PAGE_SRC := $(wildcard web/pages/*.js web/pages/*.mjs web/pages/*.css web/pages/*.html web/pages/*.svg web/pages/*.webmanifest)

# Draws QR codes: of a Debian package, and no module yet.
PAGE_QR := /usr/share/nodejs/qrcode-generator/qrcode.js
$(BUILD)/page-others/qrcode.js: $(PAGE_QR)
	@mkdir -p $(@D)
	@{ cat $<; echo 'export default qrcode;'; } >$@

$(PAGE)/index.html: $(PAGE_SRC) $(wildcard $(BUILD)/web/*) $(BUILD)/page-others/qrcode.js
	$(call quiet,PAGE)node web/pages/build.mjs $(PAGE) web/pages $(BUILD)/page-others $(BUILD)/web

.PHONY: web-pages page-if-possible
web-pages: ## the page that the daemon serves, into build/page
	@tools/deps.sh build web
	@$(MAKE) --no-print-directory web
	@$(MAKE) --no-print-directory $(PAGE)/index.html $(SIM_PAGE)/index.html

# What `all` calls, behind web-if-possible: without the browser's peer, or what makes the page, there is none, and the daemon says so.
page-if-possible:
	@if [ ! -e $(BUILD)/web/usher.wasm ]; then :; elif ! command -v node >/dev/null || [ ! -e $(PAGE_QR) ]; then \
	    echo "  no page: node or its qrcode-generator is missing (tools/deps.sh web installs them)"; \
	else $(MAKE) --no-print-directory $(PAGE)/index.html $(SIM_PAGE)/index.html; fi

# Tests look at what is there.
web-tests: $(PAGE)/index.html
