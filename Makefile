# SPDX-License-Identifier: MIT
# usher: everything is built under $(BUILD). Sources are found by folder: a new .c file needs no line here.

BUILD   ?= build
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
# Where bash-completion and zsh look for those of a program in PREFIX.
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
DESTDIR ?=
VERSION := 0.1.0
OPT     ?= -O2 -g
# -Werror in CI, where the compilers are known; off for people with newer ones.
WERROR  ?= $(if $(CI),-Werror)
# `make V=1` shows the commands.
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)
# `make fuzz FUZZ_SECONDS=600`, `make sim SEEDS=1-100000`
FUZZ_SECONDS ?= 60
SEEDS   ?= 1-2000

# Every core, unless the command line says otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wredundant-decls \
        -Wformat=2 -Wimplicit-fallthrough -Wconversion $(WERROR)
HARDEN := -fstack-protector-strong -fPIE
ifeq ($(SANITIZE),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
SANFLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DUSHER_VERSION='"$(VERSION)"'
CFLAGS_ALL := -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,--as-needed $(SANFLAGS) $(LDFLAGS)

# Which libraries each folder's code may see: the include paths and link lines follow the table in docs/architecture.md.
PC = $(shell pkg-config $(1) $(2) 2>/dev/null)
PROTOCOL_PKGS  := jansson
SERVER_IO_PKGS := libwebsockets libuv libsystemd inih openssl libjwt
PEER_IO_PKGS   := libwebsockets nice gio-2.0 openssl usrsctp sqlite3
CLI_PKGS       := jansson libedit tinfo libqrencode gio-2.0
TEST_PKGS      := cmocka

# ---- objects and archives, one archive a folder -------------------------------------------------------------
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
PURE_BASE_SRC := $(filter-out base/os_%.c,$(wildcard base/*.c))
OS_BASE_SRC   := $(wildcard base/os_*.c)
A_BASE     := $(BUILD)/libbase.a
A_OS       := $(BUILD)/libos.a
A_PROTOCOL := $(BUILD)/libprotocol.a
A_SCORE    := $(BUILD)/libservercore.a
A_SIO      := $(BUILD)/libserverio.a
# The peer's core, a floor an archive, the highest first: each may call only those behind it.
PEER_FLOORS := transfer message link people port order
A_PCORE    := $(BUILD)/libpeercore.a $(PEER_FLOORS:%=$(BUILD)/libpeer_%.a)
A_PIO      := $(BUILD)/libpeerio.a
A_CLI      := $(BUILD)/libcli.a

$(A_BASE):     $(call obj,$(PURE_BASE_SRC))
$(A_OS):       $(call obj,$(OS_BASE_SRC))
$(A_PROTOCOL): $(call obj,$(wildcard protocol/*.c))
$(A_SCORE):    $(call obj,$(wildcard server/core/*.c))
$(A_SIO):      $(call obj,$(wildcard server/io/*.c) $(wildcard server/adapters/*.c) $(filter-out server/main.c,$(wildcard server/*.c)))
$(BUILD)/libpeercore.a: $(call obj,$(wildcard peer/core/*.c))
$(foreach f,$(PEER_FLOORS),$(eval $(BUILD)/libpeer_$(f).a: $(call obj,$(wildcard peer/core/$(f)/*.c))))
$(A_PIO):      $(call obj,$(wildcard peer/io/*.c))
$(A_CLI):      $(call obj,$(filter-out peer/cli/main.c,$(wildcard peer/cli/*.c)))
$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^

$(BUILD)/server/io/%.o $(BUILD)/server/%.o $(BUILD)/tests/unit/server_io/%.o $(BUILD)/tests/unit/server_adapters/%.o: PKGS = $(SERVER_IO_PKGS) $(PROTOCOL_PKGS)
$(BUILD)/peer/io/%.o $(BUILD)/tests/unit/peer_io/%.o: PKGS = $(PEER_IO_PKGS) $(PROTOCOL_PKGS)
$(BUILD)/peer/cli/%.o $(BUILD)/tests/unit/peer_cli/%.o: PKGS = $(CLI_PKGS)
$(BUILD)/protocol/%.o $(BUILD)/peer/core/%.o $(BUILD)/server/core/%.o: PKGS = $(PROTOCOL_PKGS)
$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(call PC,--cflags,$(PKGS)) -MMD -MP -c -o $@ $<

# The page at /check is part of the program (.incbin).
$(BUILD)/server/io/check_page.o: $(wildcard server/check/*)

# ---- programs -----------------------------------------------------------------------------------------------
$(BUILD)/usherd: $(BUILD)/server/main.o $(A_SIO) $(A_SCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(SERVER_IO_PKGS) $(PROTOCOL_PKGS))

# What the tests of a hung loop run: the same daemon, with one more object.
$(BUILD)/tests/usherd-that-hangs: $(BUILD)/server/main.o $(BUILD)/tests/hooks/hang.o $(A_SIO) $(A_SCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(SERVER_IO_PKGS) $(PROTOCOL_PKGS))

# What lets a process believe that its machine slept, and that its disk is slow; what hangs up on it.
$(BUILD)/tests/slept.so: tests/hooks/sleep.c Makefile
$(BUILD)/tests/slow-sync.so: tests/hooks/sync.c Makefile
$(BUILD)/tests/hangup.so: tests/hooks/hangup.c Makefile
$(BUILD)/tests/slept.so $(BUILD)/tests/slow-sync.so $(BUILD)/tests/hangup.so:
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(WARN) -std=c11 -O1 -fPIC -shared -o $@ $< -ldl

# One object whose only global names are usher_*: the command below can use nothing else, nor can anybody.
$(BUILD)/libusher.a: $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LD)$(LD) -r -o $(BUILD)/libusher.o --whole-archive $^
	$(if $(V),,@)objcopy --wildcard --keep-global-symbol='usher_*' $(BUILD)/libusher.o
	@rm -f $@
	$(if $(V),,@)$(AR) rcs $@ $(BUILD)/libusher.o
$(BUILD)/usher: $(BUILD)/peer/cli/main.o $(A_CLI) $(BUILD)/libusher.a
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(CLI_PKGS))

# What a program of somebody else's looks like: the installed header, and the library.
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
$(BUILD)/examples/%.o: CPPFLAGS += -Ipeer/include
$(BUILD)/examples/%.o: PKGS = glib-2.0
$(EXAMPLES): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libusher.a
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(PROTOCOL_PKGS) glib-2.0)

# ---- unit tests: one program a file; each folder links only what its subject may use --------------------------
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
unit_of = $(filter $(BUILD)/tests/unit/$(1)/%,$(UNIT_BINS))
L_PROTOCOL := $(A_PROTOCOL) $(A_BASE)
L_SERVER   := $(A_SCORE) $(L_PROTOCOL)
L_PEER     := $(A_PCORE) $(L_PROTOCOL)
$(call unit_of,base):      LIBS = $(A_BASE)
$(call unit_of,base):      $(A_BASE)
$(call unit_of,protocol):  LIBS = $(L_PROTOCOL)
$(call unit_of,protocol):  $(L_PROTOCOL)
$(call unit_of,server_core):    LIBS = $(L_SERVER)
$(call unit_of,server_core):    $(L_SERVER)
SIM_MEMORY_STORE := $(call obj,tests/sim/memory_store.c)
$(call unit_of,peer):      LIBS = $(SIM_MEMORY_STORE) $(L_PEER)
$(call unit_of,peer):      $(SIM_MEMORY_STORE) $(L_PEER)
SIM_DISK := $(SIM_MEMORY_STORE) $(call obj,tests/sim/disk.c tests/sim/world.c)
$(call unit_of,sim):       LIBS = $(SIM_DISK) $(L_PEER)
$(call unit_of,sim):       $(SIM_DISK) $(L_PEER)
$(call unit_of,server_io) $(call unit_of,server_adapters): LIBS = $(A_SIO) $(A_SCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
$(call unit_of,server_io) $(call unit_of,server_adapters): $(A_SIO) $(L_SERVER) $(A_OS)
$(call unit_of,peer_io):   LIBS = $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
$(call unit_of,peer_io):   $(A_PIO) $(L_PEER) $(A_OS)
$(call unit_of,server_io) $(call unit_of,server_adapters): LINK_PKGS = $(SERVER_IO_PKGS)
$(call unit_of,peer_io):   LINK_PKGS = $(PEER_IO_PKGS)
$(call unit_of,peer_cli):  LIBS = $(A_CLI) $(A_BASE)
$(call unit_of,peer_cli):  $(A_CLI) $(A_BASE)
$(call unit_of,peer_cli):  LINK_PKGS = $(CLI_PKGS)
$(UNIT_BINS): $(BUILD)/%: $(BUILD)/%.o
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS) $(call PC,--libs,$(LINK_PKGS) $(PROTOCOL_PKGS) $(TEST_PKGS))

# A bad network, for tests/system.
$(BUILD)/tests/system/path: $(BUILD)/tests/system/path.o
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^

# ---- simulator, benchmarks, fuzz targets ----------------------------------------------------------------------
# Both cores meet in the simulator only; each keeps its inner names to itself, so one of them is made to hide them.
$(BUILD)/tests/sim/servercore.o: $(A_SCORE)
	@mkdir -p $(@D)
	$(call quiet,LD)$(LD) -r -o $@ --whole-archive $^
	$(if $(V),,@)objcopy --wildcard --keep-global-symbol='core_*' $@
$(BUILD)/tests/sim/sim: $(call obj,$(wildcard tests/sim/*.c tests/sim/stories/*.c) peer/io/crypto.c) $(BUILD)/tests/sim/servercore.o $(A_PCORE) $(A_PROTOCOL) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PROTOCOL_PKGS) openssl)
$(BUILD)/bench/load: $(call obj,$(filter-out bench/channel% bench/store% bench/files% bench/yardstick%,$(wildcard bench/*.c))) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,openssl)
$(BUILD)/bench/yardstick: $(BUILD)/bench/yardstick.o $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^
$(BUILD)/bench/channel.o: PKGS = $(PEER_IO_PKGS)
$(BUILD)/bench/channel: $(call obj,$(wildcard bench/channel*.c)) $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(PROTOCOL_PKGS))
$(BUILD)/bench/store: $(BUILD)/bench/store.o $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(PROTOCOL_PKGS))
$(BUILD)/bench/files.o: PKGS = $(PEER_IO_PKGS)
$(BUILD)/bench/files: $(BUILD)/bench/files.o $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(PROTOCOL_PKGS))
# What of the io layers is pure is fuzzed too; and one target plays in the unit tests' small world.
$(BUILD)/tests/fuzz/fuzz_proxy: $(BUILD)/server/io/proxy_header.o
$(BUILD)/tests/fuzz/fuzz_origin: $(call obj,server/io/origins.c server/adapters/ice_url.c server/adapters/url_host.c server/adapters/address_kind.c)
$(BUILD)/tests/fuzz/fuzz_webhook: $(call obj,server/io/webhook_answer.c server/adapters/webhook_url.c server/adapters/url_host.c server/adapters/address_kind.c)
REQUEST_HEAD_O := $(call obj,$(wildcard server/io/request_*.c))
$(BUILD)/tests/fuzz/fuzz_head: $(REQUEST_HEAD_O)
$(BUILD)/tests/fuzz/fuzz_query: $(BUILD)/server/io/query.o
$(BUILD)/tests/fuzz/fuzz_forwarded: $(call obj,server/io/cidr.c server/io/forwarded.c server/adapters/address_kind.c) $(REQUEST_HEAD_O)
$(BUILD)/tests/fuzz/fuzz_conditional: $(call obj,server/io/conditional.c server/io/http_date.c)
$(BUILD)/tests/fuzz/fuzz_token: $(call obj,server/adapters/token.c server/adapters/token_key.c server/adapters/token_signature.c base/os_file.c)
$(BUILD)/tests/fuzz/fuzz_token: FUZZ_PKGS = libjwt openssl
$(BUILD)/tests/fuzz/fuzz_token.o: PKGS = $(SERVER_IO_PKGS) $(PROTOCOL_PKGS)
$(BUILD)/tests/fuzz/fuzz_ice_list: $(BUILD)/peer/io/ice_list.o
$(BUILD)/tests/fuzz/fuzz_ice_list: FUZZ_PKGS = gio-2.0
$(BUILD)/tests/fuzz/fuzz_ice_list.o: PKGS = $(PEER_IO_PKGS)
$(BUILD)/tests/fuzz/fuzz_keys: $(BUILD)/peer/cli/keys.o
$(BUILD)/tests/fuzz/fuzz_fold: $(call obj,$(patsubst %,peer/cli/%.c,fold plain width))
$(BUILD)/tests/fuzz/fuzz_keys $(BUILD)/tests/fuzz/fuzz_fold: FUZZ_PKGS = gio-2.0
$(BUILD)/tests/fuzz/fuzz_fold.o: PKGS = $(CLI_PKGS)
$(BUILD)/tests/fuzz/fuzz_rooms_answer: $(BUILD)/peer/io/rooms_answer.o
$(BUILD)/tests/fuzz/fuzz_room: $(SIM_MEMORY_STORE)
$(BUILD)/tests/fuzz/fuzz_room: FUZZ_PKGS = cmocka
$(BUILD)/tests/fuzz/fuzz_room.o: PKGS = $(PROTOCOL_PKGS) cmocka
FUZZ_BINS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(FUZZ_BINS): $(BUILD)/%: $(BUILD)/%.o $(A_SCORE) $(A_PCORE) $(A_PROTOCOL) $(A_BASE)
	$(call quiet,LINK)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(call PC,--libs,$(PROTOCOL_PKGS) $(FUZZ_PKGS))

include web/web.mk
include web/pages/pages.mk
include web/sim/sim.mk

# ---- what people call -----------------------------------------------------------------------------------------
.PHONY: help deps all programs run check check-web core lint asan fuzz sim check-system mutants bench-relay bench-join bench-memory \
        bench-flood bench-webhooks bench-web bench-channel bench-transfer bench-wormhole bench-messages bench-store bench-files \
        install uninstall deb clean unit-programs fuzz-programs fuzz-targets test-programs

help: ## list every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

deps: ## install what building and testing need (apt), or list it elsewhere
	@tools/deps.sh build test lint

all: programs web-if-possible ## build the daemon, the peer and, where it can be, the page
	@$(MAKE) --no-print-directory page-if-possible

programs: $(BUILD)/usherd $(BUILD)/usher $(EXAMPLES)

run: ## install what is missing, build, run the daemon on port 4000
	@tools/deps.sh build
	@tools/deps.sh web || echo '  web: not all of its tool chain can be installed: the page is left out'
	@$(MAKE) --no-print-directory all
	@if [ -e $(PAGE)/index.html ]; then exec $(BUILD)/usherd --set server.web_root=$(PAGE); else exec $(BUILD)/usherd; fi

check: ## install what tests need, build, run all tests
	@tools/deps.sh build test web
	@$(MAKE) --no-print-directory web
	@$(MAKE) --no-print-directory test-programs web-tests fuzz-programs
	@tests/run.sh $(BUILD) unit sim e2e fuzz

core: ## build and test the pure cores; needs only jansson, uthash and cmocka
	@tools/deps.sh core
	@$(MAKE) --no-print-directory $(foreach a,base protocol server_core peer sim,$(call unit_of,$(a)))
	@tests/run.sh $(BUILD) core-unit

lint: ## formatting, static analysis, layering, sizes
	@tools/deps.sh build test lint
	@$(MAKE) --no-print-directory all
	@tools/lint.sh $(BUILD)

asan: ## all tests under ASan and UBSan
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE=address,undefined OPT='-O1 -g' test-programs
	@$(MAKE) --no-print-directory web web-tests
	@USHER_WEB=$(BUILD)/web SEEDS=1-60 MEMORY_SEEDS=1-400 FILES_SEEDS=1-30 tests/run.sh $(BUILD)/asan unit sim e2e

fuzz: ## run each fuzz target for FUZZ_SECONDS
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory fuzz-programs
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh $(BUILD) fuzz

sim: ## run the simulator over SEEDS
	@tools/deps.sh core
	@$(MAKE) --no-print-directory $(BUILD)/tests/sim/sim
	$(BUILD)/tests/sim/sim --seeds $(SEEDS)

check-web: ## calls of the page in Chromium, and its times
	@tools/deps.sh build test web
	@$(MAKE) --no-print-directory all web web-tests web-pages
	@tests/run.sh $(BUILD) browser

check-system: ## systemd, image, networks, packages: tried for real, as root; PARTS='networks image' for some
	@tools/deps.sh build test system
	@$(MAKE) --no-print-directory all $(BUILD)/tests/system/path $(BUILD)/tests/usherd-that-hangs $(BUILD)/tests/slept.so $(BUILD)/tests/slow-sync.so $(BUILD)/tests/hangup.so
	@tests/system/run.sh $(BUILD) $(PARTS)

mutants: ## apply named one-line faults; each must fail a test
	@tools/deps.sh build test web
	@tests/mutants/run.sh $(BUILD)/mutants

bench-relay: ## relay rate beside a Socket.IO server
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/usherd $(BUILD)/bench/load $(BUILD)/bench/yardstick
	@BUILD=$(BUILD) bench/relay.sh
bench-join: ## joins a second, 18,000 clients
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/usherd $(BUILD)/bench/load
	@BUILD=$(BUILD) bench/join.sh
bench-memory: ## memory at start and for each idle connection
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/usherd $(BUILD)/bench/load
	@BUILD=$(BUILD) bench/memory.sh
bench-flood: ## what a client that means harm costs the others
	@tools/deps.sh build
	@$(MAKE) --no-print-directory $(BUILD)/usherd $(BUILD)/bench/load
	@BUILD=$(BUILD) bench/flood.sh
bench-webhooks: ## what webhooks cost those who are relayed
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/usherd $(BUILD)/bench/load
	@BUILD=$(BUILD) bench/webhooks.sh
bench-channel: ## data channel throughput beside @roamhq/wrtc
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/bench/channel
	@BUILD=$(BUILD) bench/channel.sh
bench-transfer: ## files between two peers, beside the raw channel and @roamhq/wrtc; as root also over a slow way
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory all $(BUILD)/bench/channel $(BUILD)/tests/system/path
	@BUILD=$(BUILD) bench/transfer.sh
bench-wormhole: ## a file by `usher send` beside magic-wormhole, on loopback
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) bench/wormhole.sh
bench-messages: ## messages between two peers: latency, rate, memory
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) bench/messages.sh
bench-web: ## the browser's peer in Chromium: start, and messages a second
	@tools/deps.sh build test web
	@$(MAKE) --no-print-directory all
	@USHERD=$(BUILD)/usherd USHER=$(BUILD)/usher node bench/web.mjs | grep -v '^[^a-z]\|^ok\|^  '
bench-store: ## what a durable message costs the peer
	@tools/deps.sh build
	@$(MAKE) --no-print-directory $(BUILD)/bench/store
	@mkdir -p $(BUILD)/bench/state
	$(BUILD)/bench/store $(BUILD)/bench/state
bench-files: ## hashing, receiving and unpacking files, on the disk of build/
	@tools/deps.sh build
	@$(MAKE) --no-print-directory $(BUILD)/bench/files
	@rm -rf $(BUILD)/bench/files.d && mkdir -p $(BUILD)/bench/files.d
	$(BUILD)/bench/files $(BUILD)/bench/files.d
	@rm -rf $(BUILD)/bench/files.d

BIN = $(DESTDIR)$(PREFIX)/bin
MAN = $(DESTDIR)$(PREFIX)/share/man
UNITS = $(wildcard systemd/usherd*)
install: all ## install to DESTDIR/PREFIX
	install -d $(BIN) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/doc/usher/proxy $(MAN)/man1 $(MAN)/man5 $(MAN)/man8
	install -m 755 $(BUILD)/usherd $(BUILD)/usher $(BIN)
	install -m 644 $(BUILD)/libusher.a $(DESTDIR)$(LIBDIR)
	install -m 644 peer/include/usher.h $(DESTDIR)$(PREFIX)/include
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@LIBRARIES@|$(strip $(call PC,--libs,$(PEER_IO_PKGS) $(PROTOCOL_PKGS)))|' \
	    peer/usher.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/usher.pc
	install -m 644 conf/usherd.conf README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/usher
	install -m 644 conf/proxy/* $(DESTDIR)$(PREFIX)/share/doc/usher/proxy
	install -m 644 docs/man/usher.1 $(MAN)/man1
	install -m 644 docs/man/usherd.conf.5 $(MAN)/man5
	install -m 644 docs/man/usherd.8 $(MAN)/man8
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR)
	install -m 644 completions/usher.bash $(DESTDIR)$(BASHDIR)/usher
	install -m 644 completions/usherd.bash $(DESTDIR)$(BASHDIR)/usherd
	install -m 644 completions/_usher completions/_usherd $(DESTDIR)$(ZSHDIR)
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/usherd
	for unit in $(notdir $(UNITS)); do \
	    sed 's|/usr/bin/usherd|$(PREFIX)/bin/usherd|; s|/etc/usherd|$(SYSCONFDIR)/usherd|' systemd/$$unit \
	        >$(DESTDIR)$(UNITDIR)/$$unit || exit; done
	if [ -e $(PAGE)/index.html ]; then rm -rf $(DESTDIR)$(PREFIX)/share/usher/web && \
	    install -d $(DESTDIR)$(PREFIX)/share/usher/web/assets && install -p -m 644 $(PAGE)/assets/* $(DESTDIR)$(PREFIX)/share/usher/web/assets && \
	    install -p -m 644 $$(find $(PAGE) -maxdepth 1 -type f) $(DESTDIR)$(PREFIX)/share/usher/web; fi
	if [ -e $(SIM_PAGE)/index.html ]; then rm -rf $(DESTDIR)$(PREFIX)/share/usher/sim && \
	    install -d $(DESTDIR)$(PREFIX)/share/usher/sim/assets && install -p -m 644 $(SIM_PAGE)/assets/* $(DESTDIR)$(PREFIX)/share/usher/sim/assets && \
	    install -p -m 644 $(SIM_PAGE)/index.html* $(DESTDIR)$(PREFIX)/share/usher/sim; fi
	test -e $(DESTDIR)$(SYSCONFDIR)/usherd/usherd.conf || \
	    install -m 644 conf/usherd.conf $(DESTDIR)$(SYSCONFDIR)/usherd
uninstall: ## remove what install put there, except the configuration
	rm -f $(BIN)/usherd $(BIN)/usher $(DESTDIR)$(LIBDIR)/libusher.a $(DESTDIR)$(PREFIX)/include/usher.h \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/usher.pc $(MAN)/man1/usher.1 $(MAN)/man5/usherd.conf.5 $(MAN)/man8/usherd.8
	rm -f $(DESTDIR)$(BASHDIR)/usher $(DESTDIR)$(BASHDIR)/usherd $(DESTDIR)$(ZSHDIR)/_usher $(DESTDIR)$(ZSHDIR)/_usherd
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS)))
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/usher $(DESTDIR)$(PREFIX)/share/usher/web $(DESTDIR)$(PREFIX)/share/usher/sim

deb: ## Debian packages of daemon, peer and library, into build/deb
	@tools/deps.sh build deb web
	@tools/deb.sh $(BUILD) $(VERSION)

clean: ## remove all that was built
	rm -rf $(BUILD)

# The fuzzers want clang's runtime and instrumentation throughout, so they have a tree of their own.
fuzz-programs:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang OPT='-O1 -g' SANITIZE=address,undefined \
	    CFLAGS=-fsanitize=fuzzer-no-link fuzz-targets
fuzz-targets: $(FUZZ_BINS)
unit-programs: $(UNIT_BINS)
test-programs: programs unit-programs $(BUILD)/tests/sim/sim $(BUILD)/tests/usherd-that-hangs $(BUILD)/tests/slept.so $(BUILD)/tests/slow-sync.so $(BUILD)/tests/hangup.so

-include $(shell find $(BUILD) -name roots -prune -o -name '*.d' -type f -print 2>/dev/null)
