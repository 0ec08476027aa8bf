/* SPDX-License-Identifier: MIT
 *
 * What a dialect refuses, and how: with the error, a sentence, no type and no ref.
 */
#ifndef TESTS_UNIT_PROTOCOL_DIALECT_CASES_H
#define TESTS_UNIT_PROTOCOL_DIALECT_CASES_H

#include "protocol/dialect.h"

struct refused_case {
    const char *text;
    enum error error;
};

static inline void dialect_refuses(const struct dialect *d, const struct refused_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct request r;
        assert_int_equal(d->read(span_of(cases[i].text), &r), cases[i].error);
        assert_non_null(r.problem);
        assert_int_equal(r.type, MESSAGE_NONE);
        assert_int_equal(r.ref.n, 0);
    }
}

#endif
