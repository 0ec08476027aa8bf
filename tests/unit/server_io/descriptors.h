/* SPDX-License-Identifier: MIT
 *
 * How many descriptors this process has, to be compared with a later count. Include cmocka.h before.
 */
#ifndef TESTS_UNIT_SERVER_IO_DESCRIPTORS_H
#define TESTS_UNIT_SERVER_IO_DESCRIPTORS_H

#include <dirent.h>

static inline size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

#endif
