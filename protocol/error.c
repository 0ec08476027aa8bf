/* SPDX-License-Identifier: MIT */
#include "protocol/error.h"

static const struct {
    const char *code, *text;
    uint16_t close;
} TABLE[ERRORS] = {[ERROR_NONE] = {"ok", "", 1000},
#define X(name, code, text, close) [ERROR_##name] = {code, text, close},
    ERROR_TABLE(X)
#undef X
};

const char *error_code(enum error e)
{
    return TABLE[e].code;
}

const char *error_text(enum error e)
{
    return TABLE[e].text;
}

uint16_t error_close_code(enum error e)
{
    return TABLE[e].close;
}
