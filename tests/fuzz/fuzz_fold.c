/* SPDX-License-Identifier: MIT
 *
 * What somebody wrote, on a terminal of so many columns as the first byte says: no row is wider, each but the first is
 * indented, nothing in it moves the cursor or is a tag of style.h, and no letter of it is lost.
 */
#include <glib.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/cli/fold.h"
#include "peer/cli/plain.h"
#include "peer/cli/width.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_fold: %s\n", what);
        abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    setlocale(LC_CTYPE, "C.UTF-8");
    return 0;
}

/* Without what folding may change. */
static gchar *letters(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *p = text; *p; p++)
        if (*p != ' ' && *p != '\n')
            g_string_append_c(out, *p);
    return g_string_free(out, FALSE);
}

static void check_rows(const char *rows, long columns)
{
    gchar **each = g_strsplit(rows, "\n", -1);
    for (size_t i = 0; each[i]; i++) {
        must(width_of(each[i], strlen(each[i])) <= columns, "a row is too wide");
        must(i == 0 || g_str_has_prefix(each[i], FOLD_INDENT), "a row is not indented");
        for (const char *p = each[i]; *p; p = g_utf8_next_char(p))
            must(!g_unichar_iscntrl(g_utf8_get_char(p)), "there is a control character");
    }
    g_strfreev(each);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || memchr(data, '\0', size) || !g_utf8_validate((const char *)data + 1, (gssize)size - 1, NULL))
        return 0;
    long columns = FOLD_COLUMNS_MIN + data[0] % 100;
    gchar *text = g_strndup((const char *)data + 1, size - 1), *plain = plain_text(text, TRUE);
    gchar *rows = fold_lines(plain, columns), *before = letters(plain), *behind = letters(rows);
    check_rows(rows, columns);
    must(strcmp(before, behind) == 0, "a letter is lost");
    gchar *cut = width_cut(plain, columns);
    must(width_of(cut, strlen(cut)) <= columns, "it is cut too late");
    must(g_utf8_validate(cut, -1, NULL), "it is cut within a letter");
    g_free(cut);
    g_free(behind);
    g_free(before);
    g_free(rows);
    g_free(plain);
    g_free(text);
    return 0;
}
