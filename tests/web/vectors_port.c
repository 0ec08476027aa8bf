/* SPDX-License-Identifier: MIT
 *
 * tests/unit/protocol/test_vectors.c, as it is, in WebAssembly; and the crypto ports one by one, for those vectors that it
 * leaves to others. The program around it is vectors.mjs.
 */
#include <jansson.h>
#include <stdlib.h>

#include "web/core/face.h"
#include "web/core/ports.h"

#define VECTORS(name) __attribute__((import_module("vectors"), import_name(#name))) vectors_##name
size_t VECTORS(size)(const char *path, size_t n);
void VECTORS(read)(const char *path, size_t n, void *out);

json_t *vectors_load_file(const char *path, size_t flags, json_error_t *error);
json_t *vectors_load_file(const char *path, size_t flags, json_error_t *error)
{
    size_t n = vectors_size(path, strlen(path));
    char *text = malloc(n + 1);
    if (!text)
        ports_panic("memory ran out");
    vectors_read(path, strlen(path), text);
    json_t *json = json_loadb(text, n, flags, error);
    free(text);
    return json;
}

/* There is no environment. */
char *vectors_getenv(const char *name)
{
    (void)name;
    return NULL;
}

int vectors_main(int argc, char **argv);
/* How many groups of vectors passed; one that does not ends the instance. */
int EXPORT(vectors_run)(void);
int vectors_run(void)
{
    char name[] = "vectors", folder[] = "tests/vectors";
    return vectors_main(2, (char *[]){name, folder, NULL});
}

/* ---- ports; answers are in `out` ---- */

static uint8_t out[64 * 1024 + TAG_BYTES];
uint8_t *EXPORT(port_out)(void);
uint8_t *port_out(void)
{
    return out;
}

/* Keys of these seeds from now on: key, box, box_signature. */
void EXPORT(port_identity)(const uint8_t *seed, size_t n, const uint8_t *box_seed, size_t box_n);
void port_identity(const uint8_t *seed, size_t n, const uint8_t *box_seed, size_t box_n)
{
    if (n != KEY_BYTES || box_n != KEY_BYTES)
        ports_panic("a seed has 32 bytes");
    struct web_identity made = ports_identity(seed, box_seed);
    memcpy(out, &made, sizeof made);
}

void EXPORT(port_sign)(const char *message, size_t n);
void port_sign(const char *message, size_t n)
{
    ports_crypto().sign(NULL, (struct span){message, n}, out);
}

bool EXPORT(port_verify)(
    const uint8_t *key, size_t key_n, const char *message, size_t n, const uint8_t *signature, size_t signature_n);
bool port_verify(
    const uint8_t *key, size_t key_n, const char *message, size_t n, const uint8_t *signature, size_t signature_n)
{
    return key_n == KEY_BYTES && signature_n == SIGNATURE_BYTES &&
           ports_crypto().verify(NULL, key, (struct span){message, n}, signature);
}

void EXPORT(port_sha256)(const char *bytes, size_t n);
void port_sha256(const char *bytes, size_t n)
{
    ports_crypto().sha256(NULL, (struct span){bytes, n}, out);
}

bool EXPORT(port_agree)(const uint8_t *box, size_t n);
bool port_agree(const uint8_t *box, size_t n)
{
    return n == KEY_BYTES && ports_crypto().agree(NULL, box, out);
}

void EXPORT(port_seal)(const uint8_t *key, size_t key_n, const uint8_t *nonce, size_t nonce_n, const char *aad,
    size_t aad_n, const char *plain, size_t n);
void port_seal(const uint8_t *key, size_t key_n, const uint8_t *nonce, size_t nonce_n, const char *aad, size_t aad_n,
    const char *plain, size_t n)
{
    if (key_n != KEY_BYTES || nonce_n != NONCE_BYTES || n > sizeof out - TAG_BYTES)
        ports_panic("this cannot be sealed");
    ports_crypto().seal(NULL, key, nonce, (struct span){aad, aad_n}, (struct span){plain, n}, out);
}

bool EXPORT(port_open)(const uint8_t *key, size_t key_n, const uint8_t *nonce, size_t nonce_n, const char *aad,
    size_t aad_n, const char *sealed, size_t n);
bool port_open(const uint8_t *key, size_t key_n, const uint8_t *nonce, size_t nonce_n, const char *aad, size_t aad_n,
    const char *sealed, size_t n)
{
    if (key_n != KEY_BYTES || nonce_n != NONCE_BYTES || n > sizeof out)
        ports_panic("this cannot be opened");
    return ports_crypto().open(NULL, key, nonce, (struct span){aad, aad_n}, (struct span){sealed, n}, out);
}
