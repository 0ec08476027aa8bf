/* SPDX-License-Identifier: MIT */
#include "server/adapters/secret_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/os_file.h"

static bool read_file(const char *option, const char *path, size_t max, char *out, size_t *n, struct err *e)
{
    struct err why;
    int fd = os_file_open(path, O_RDONLY, "a file with the secret", &why);
    if (fd < 0)
        return err_set_errno(e, why.error, "%s: the file \"%.160s\" cannot be read: %s", option, path, why.text);
    ssize_t got = read(fd, out, max + 1);
    int error = got < 0 ? errno : 0;
    close(fd);
    *n = got < 0 ? 0 : (size_t)got;
    if (error)
        return err_set_errno(e, error, "%s: the file \"%.160s\" cannot be read: %s%s", option, path, strerror(error),
            os_file_advice(error));
    while (*n > 0 && (out[*n - 1] == '\n' || out[*n - 1] == '\r'))
        --*n;
    if (*n == 0 || *n > max)
        return err_set(e, "%s: the file \"%.120s\" must hold 1 to %zu bytes", option, path, max);
    return !memchr(out, '\n', *n) ||
           err_set(e, "%s: the file \"%.120s\" must hold one line, and no comment", option, path);
}

bool secret_text_read(const char *option, const char *value, size_t max, char *out, size_t *n, struct err *e)
{
    if (*value == '@') {
        bool ok = read_file(option, value + 1, max, out, n, e);
        out[ok ? *n : 0] = '\0';
        return ok;
    }
    *n = strlen(value);
    if (*n > max)
        return err_set(e, "%s: expected at most %zu bytes", option, max);
    memcpy(out, value, *n + 1);
    return true;
}
