# SPDX-License-Identifier: MIT
# The simulator as WebAssembly, and the page that shows a run: $(BUILD)/sim-page, which the daemon serves at /sim where
# server.sim_root names it.

SIM_PAGE := $(BUILD)/sim-page

# Both cores meet here, as in the native simulator, each with its own inner names. There objcopy hides the server's; for
# WebAssembly they are given other names before they are compiled.
SIM_NAMES := $(WEB_OBJ)/server_names.h
SIM_SERVER_OBJ := $(patsubst %.c,$(WEB_OBJ)/sim/%.o,$(wildcard server/core/*.c))
SIM_OBJ := $(patsubst %.c,$(WEB_OBJ)/%.o,$(PURE_BASE_SRC) $(wildcard protocol/*.c peer/core/*.c peer/core/*/*.c web/sim/*.c) \
    $(filter-out tests/sim/sim_main.c tests/sim/realcrypto.c tests/sim/short_memory.c,$(wildcard tests/sim/*.c tests/sim/stories/*.c)))

$(SIM_NAMES): $(A_SCORE)
	@mkdir -p $(@D)
	@nm -g --defined-only $< | awk 'NF == 3 && $$3 !~ /^core_/ { print "#define", $$3, "server_core_" $$3 }' >$@

$(SIM_SERVER_OBJ): $(WEB_OBJ)/sim/%.o: %.c $(SIM_NAMES) Makefile web/web.mk web/sim/sim.mk
	@mkdir -p $(@D)
	$(call quiet,WASM)$(WASM_CC) $(WASM_OPT) $(WASM_WARN) $(WASM_INC) -include $(SIM_NAMES) -D_GNU_SOURCE \
	    -DUSHER_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<

# A run needs more of both than a peer does.
$(WEB_OBJ)/sim_linked.wasm: WASM_STACK  := 4194304
$(WEB_OBJ)/sim_linked.wasm: WASM_MEMORY := 16777216
$(WEB_OBJ)/sim_linked.wasm: $(SIM_OBJ) $(SIM_SERVER_OBJ) $(patsubst %.c,$(WEB_OBJ)/others/%.o,$(WEB_JANSSON))
	$(call quiet,WASM)$(WASM_CC) $(WASM_LINK) -o $@ $^

$(WEB_OBJ)/sim/sim.wasm: $(WEB_OBJ)/sim_linked.wasm
	@mkdir -p $(@D)
	$(call quiet,WASM)wasm-opt -Oz --enable-bulk-memory -o $@ $<

$(SIM_PAGE)/index.html: $(WEB_OBJ)/sim/sim.wasm $(wildcard web/sim/*.js web/sim/*.css web/sim/*.html) web/pages/build.mjs
	$(call quiet,PAGE)node web/pages/build.mjs $(SIM_PAGE) web/sim $(WEB_OBJ)/sim
web-tests: $(SIM_PAGE)/index.html
