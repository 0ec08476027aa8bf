# SPDX-License-Identifier: MIT
# The peer's core as WebAssembly, and the modules that host it: $(BUILD)/web has what a browser loads. Its objects are in
# $(BUILD)/web-obj, and what others wrote is fetched into $(BUILD)/web-src (tools/web_sources.sh). The tool chain is Debian's;
# flags, and why each: docs/decisions/0021-wasm.md.

WEB      := $(BUILD)/web
WEB_OBJ  := $(BUILD)/web-obj
WEB_SRC  := $(BUILD)/web-src
# -Oz and bulk memory; local-exec, or clang 14 crashes on errno; nothing of the place where it was built is in the bytes.
WASM_CC   := clang --target=wasm32-wasi -std=c11
WASM_OPT  := -Oz -mbulk-memory -ftls-model=local-exec -ffunction-sections -fdata-sections \
             -ffile-prefix-map=$(WEB_SRC)/=
WASM_STACK  := 262144
WASM_MEMORY := 2097152
WASM_LINK = -O0 -mexec-model=reactor -Wl,--gc-sections,--strip-all,--stack-first,-z,stack-size=$(WASM_STACK) -Wl,--initial-memory=$(WASM_MEMORY)
WASM_WARN := $(filter-out -Wpedantic,$(WARN))
WASM_INC  := -I. -isystem web/core/libc -isystem $(WEB_SRC)/include -isystem $(WEB_SRC)/jansson/src -isystem $(WEB_SRC)/bearssl/inc \
             -isystem $(WEB_SRC)/libsodium/src/libsodium/include

WEB_CORE_SRC := $(PURE_BASE_SRC) $(wildcard protocol/*.c) $(wildcard peer/core/*.c peer/core/*/*.c) peer/io/words.c $(wildcard web/core/*.c)
WEB_JANSSON  := $(patsubst %,jansson/src/%.c,dump error hashtable load memory pack_unpack strbuffer strconv utf value)
WEB_BEARSSL  := $(patsubst %,bearssl/src/%.c,aead/gcm hash/ghash_ctmul64 hash/sha2small kdf/hkdf mac/hmac codec/ccopy \
    codec/dec32be codec/enc32be codec/dec32le codec/enc32le hash/dig_size symcipher/aes_ct64 symcipher/aes_ct64_enc \
    symcipher/aes_ct64_ctr symcipher/aes_common)
WEB_SODIUM   := $(patsubst %,libsodium/src/libsodium/%.c,crypto_sign/ed25519/ref10/keypair crypto_sign/ed25519/ref10/sign \
    crypto_sign/ed25519/ref10/open crypto_core/ed25519/ref10/ed25519_ref10 \
    crypto_scalarmult/curve25519/scalarmult_curve25519 crypto_scalarmult/curve25519/ref10/x25519_ref10 \
    crypto_hash/sha512/cp/hash_sha512_cp crypto_hash/sha256/cp/hash_sha256_cp crypto_verify/sodium/verify sodium/utils \
    crypto_pwhash/scryptsalsa208sha256/crypto_scrypt-common crypto_pwhash/scryptsalsa208sha256/scrypt_platform \
    crypto_pwhash/scryptsalsa208sha256/pbkdf2-sha256 \
    crypto_pwhash/scryptsalsa208sha256/nosse/pwhash_scryptsalsa208sha256_nosse crypto_auth/hmacsha256/auth_hmacsha256)
WEB_OTHERS   := $(WEB_JANSSON) $(WEB_BEARSSL) $(WEB_SODIUM)
WASM_OBJ     := $(patsubst %.c,$(WEB_OBJ)/%.o,$(WEB_CORE_SRC))
WASM_OTHERS_OBJ := $(patsubst %.c,$(WEB_OBJ)/others/%.o,$(WEB_OTHERS))
WEB_HOST     := $(patsubst web/host/%,$(WEB)/%,$(wildcard web/host/*.js))

$(WEB_OBJ)/%.o: %.c Makefile web/web.mk
	@mkdir -p $(@D)
	$(call quiet,WASM)$(WASM_CC) $(WASM_OPT) $(WASM_WARN) $(WASM_INC) -D_GNU_SOURCE -DUSHER_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<

# They are as their authors wrote them: no warnings of ours.
$(WASM_OTHERS_OBJ): $(WEB_OBJ)/others/%.o: Makefile web/web.mk
	@mkdir -p $(@D)
	$(call quiet,WASM)$(WASM_CC) $(WASM_OPT) -w $(WASM_INC) -D_GNU_SOURCE -DHAVE_CONFIG_H -DCONFIGURED=1 \
	    -DHAVE_STDINT_H -D_WASI_EMULATED_SIGNAL -include $(WEB_SRC)/include/others.h -I$(WEB_SRC)/bearssl/src -I$(WEB_SRC)/libsodium/src/libsodium/include/sodium \
	    -I$(WEB_SRC)/libsodium/src/libsodium/include/sodium/private -c -o $@ $(WEB_SRC)/$*.c

# Linked with -O0, since the driver would run wasm-opt itself, without bulk memory. An overflow of the stack traps.
$(WEB_OBJ)/linked.wasm: $(WASM_OBJ) $(WASM_OTHERS_OBJ)
	$(call quiet,WASM)$(WASM_CC) $(WASM_LINK) -o $@ $^

$(WEB)/usher.wasm: $(WEB_OBJ)/linked.wasm
	@mkdir -p $(@D)
	$(call quiet,WASM)wasm-opt -Oz --converge --strip-producers --enable-bulk-memory -o $@ $<

# The shared vectors, for tests/web: test_vectors.c as it is, with a small cmocka.
VECTORS_OBJ := $(WEB_OBJ)/vectors/test_vectors.o $(WEB_OBJ)/vectors/vectors_port.o
$(VECTORS_OBJ): WASM_INC := -Itests/web/shim $(WASM_INC)
$(WEB_OBJ)/vectors/test_vectors.o: tests/unit/protocol/test_vectors.c
$(WEB_OBJ)/vectors/vectors_port.o: tests/web/vectors_port.c
$(VECTORS_OBJ): Makefile web/web.mk $(wildcard tests/web/shim/*.h)
	@mkdir -p $(@D)
	$(call quiet,WASM)$(WASM_CC) $(WASM_OPT) $(WASM_WARN) $(WASM_INC) -D_GNU_SOURCE -Wno-missing-prototypes \
	    -Dmain=vectors_main -Dgetenv=vectors_getenv -Djson_load_file=vectors_load_file -c -o $@ $(filter %.c,$^)
$(WEB_OBJ)/vectors.wasm: $(VECTORS_OBJ) $(WASM_OBJ) $(WASM_OTHERS_OBJ)
	$(call quiet,WASM)$(WASM_CC) $(WASM_LINK) -o $@ $^

$(WEB)/%.js: web/host/%.js
	@mkdir -p $(@D)
	@cp $< $@

.PHONY: web npm-pack web-files web-tests web-if-possible
web: ## the browser's peer: WebAssembly and its host, into build/web
	@tools/deps.sh web
	@tools/web_sources.sh $(BUILD)
	@$(MAKE) --no-print-directory web-files

web-files: $(WEB)/usher.wasm $(WEB_HOST)
web-tests: web-files $(WEB_OBJ)/vectors.wasm

# The package, into $(BUILD)/npm: modules, their types, the program, and its README.
npm-pack: ## an npm package of the browser's peer, into build/npm
	@tools/deps.sh test
	@$(MAKE) --no-print-directory web
	@rm -rf $(BUILD)/npm && mkdir -p $(BUILD)/npm/package
	@cp $(WEB)/usher.wasm $(WEB_HOST) web/README.md LICENSE $(BUILD)/npm/package
	@sed 's/@VERSION@/$(VERSION)/' web/package.in.json >$(BUILD)/npm/package/package.json
	@node tests/e2e/node_modules/typescript/bin/tsc -p web/jsconfig.json --noEmit false --declaration --emitDeclarationOnly --outDir $(BUILD)/npm/package
	@cd $(BUILD)/npm && npm pack ./package --silent

# What `all` calls: where the tool chain or the sources cannot be had, the rest is built.
web-if-possible:
	@if tools/web_sources.sh $(BUILD); then $(MAKE) --no-print-directory web-files; fi
