# SPDX-License-Identifier: MIT
# usher: everything is built under $(BUILD). Sources are found by folder: a new .c file needs no line here.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
CC      ?= cc
OPT     ?= -O2 -g
WERROR  ?=

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
SERVER_IO_PKGS := libwebsockets libuv libsystemd inih libcrypto
PEER_IO_PKGS   := libwebsockets nice gio-2.0 openssl usrsctp
CLI_PKGS       := jansson libedit glib-2.0
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
A_PCORE    := $(BUILD)/libpeercore.a
A_PIO      := $(BUILD)/libpeerio.a

$(A_BASE):     $(call obj,$(PURE_BASE_SRC))
$(A_OS):       $(call obj,$(OS_BASE_SRC))
$(A_PROTOCOL): $(call obj,$(wildcard protocol/*.c))
$(A_SCORE):    $(call obj,$(wildcard server/core/*.c))
$(A_SIO):      $(call obj,$(wildcard server/io/*.c) $(filter-out server/main.c,$(wildcard server/*.c)))
$(A_PCORE):    $(call obj,$(wildcard peer/core/*.c))
$(A_PIO):      $(call obj,$(wildcard peer/io/*.c))
$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/server/io/%.o $(BUILD)/server/%.o $(BUILD)/tests/unit/server_io/%.o: PKGS = $(SERVER_IO_PKGS) $(PROTOCOL_PKGS)
$(BUILD)/peer/io/%.o $(BUILD)/tests/unit/peer_io/%.o: PKGS = $(PEER_IO_PKGS) $(PROTOCOL_PKGS)
$(BUILD)/peer/cli/%.o: PKGS = $(CLI_PKGS)
$(BUILD)/protocol/%.o $(BUILD)/peer/core/%.o $(BUILD)/server/core/%.o: PKGS = $(PROTOCOL_PKGS)
$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(call PC,--cflags,$(PKGS)) -MMD -MP -c -o $@ $<

# ---- programs -----------------------------------------------------------------------------------------------
$(BUILD)/usherd: $(BUILD)/server/main.o $(A_SIO) $(A_SCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(SERVER_IO_PKGS) $(PROTOCOL_PKGS))
$(BUILD)/usher: $(call obj,$(wildcard peer/cli/*.c)) $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call PC,--libs,$(PEER_IO_PKGS) $(CLI_PKGS))

# ---- unit tests: one program a file; each folder links only what its subject may use --------------------------
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
$(BUILD)/tests/unit/base/%:      LIBS = $(A_BASE)
$(BUILD)/tests/unit/protocol/%:  LIBS = $(A_PROTOCOL) $(A_BASE)
$(BUILD)/tests/unit/server/%:    LIBS = $(A_SCORE) $(A_PROTOCOL) $(A_BASE)
$(BUILD)/tests/unit/peer/%:      LIBS = $(A_PCORE) $(A_PROTOCOL) $(A_BASE)
$(BUILD)/tests/unit/server_io/%: LIBS = $(A_SIO) $(A_SCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
$(BUILD)/tests/unit/peer_io/%:   LIBS = $(A_PIO) $(A_PCORE) $(A_PROTOCOL) $(A_OS) $(A_BASE)
$(BUILD)/tests/unit/server_io/%: LINK_PKGS = $(SERVER_IO_PKGS)
$(BUILD)/tests/unit/peer_io/%:   LINK_PKGS = $(PEER_IO_PKGS)
$(UNIT_BINS): $(BUILD)/%: $(BUILD)/%.o $(A_BASE) $(A_OS) $(A_PROTOCOL) $(A_SCORE) $(A_SIO) $(A_PCORE) $(A_PIO)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS) $(call PC,--libs,$(LINK_PKGS) $(PROTOCOL_PKGS) $(TEST_PKGS))

.PHONY: all
all: $(BUILD)/usherd $(BUILD)/usher
.DEFAULT_GOAL := all

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
