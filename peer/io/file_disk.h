/* SPDX-License-Identifier: MIT
 *
 * Calls of the system that files are made of, each whole: a read or a write that was cut short goes on. All block, so
 * they are for the threads of files.h.
 */
#ifndef PEER_IO_FILE_DISK_H
#define PEER_IO_FILE_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "peer/io/file_problem.h"

/* How many bytes there were up to n, less only at the file's end; -1 with errno. */
int64_t file_disk_read(int fd, void *bytes, size_t n, uint64_t at);
/* False with errno. */
bool file_disk_write(int fd, const void *bytes, size_t n, uint64_t at);
/* Renames within the folder, and replaces nothing: false with EEXIST if something has that name. */
bool file_disk_rename(int dir, const char *from, const char *to);
/* A regular file of ours that nobody else has a name for, so that writing to it changes nothing else. */
bool file_disk_is_ours(const struct stat *st);
/* Bytes that we may still write to the disk of this descriptor; UINT64_MAX: not known. */
uint64_t file_disk_free(int fd);
/* Frees the disk's space of these bytes, which read as 0 then; false: the file system cannot. */
bool file_disk_punch(int fd, uint64_t at, uint64_t n);
/* Gives a file its mode, where the file system has modes. False with errno. */
bool file_disk_mode(int fd, unsigned mode);
/* What is left of the permissions by the process's umask, which no call can read without changing it. */
unsigned file_disk_permitted(unsigned mode);
/* "3.2 GB" */
void file_disk_size(uint64_t bytes, char out[16]);
/* Removes a folder and all that is in it; follows no link. False with errno; depth: of folders that may be in it. */
bool file_disk_remove(int dir, const char *name, unsigned depth);

#endif
