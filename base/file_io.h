/** Bytes that reach a file whole or fail. */
#ifndef PV_FILE_IO_H
#define PV_FILE_IO_H

#include "status.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

/** Writes all n bytes at the descriptor's position; a signal, a short write or a full non-blocking pipe does not end
 *  it. 0, or the errno. */
int file_write_all(int fd, const void *bytes, size_t n);

/** The same from offset `at` on; the descriptor's position stays. */
int file_write_all_at(int fd, const void *bytes, size_t n, uint64_t at);

/** Reads exactly n bytes. 0, or the errno; ENODATA when the file ends before. */
int file_read_all(int fd, void *bytes, size_t n);

/** Makes the written file `temporary` durable under its name: sync, close, rename, sync of the folder. Both names are
 *  relative to the folder. fd is closed in any case; on failure the temporary file is removed. 0, or the errno. */
int file_publish(int folder, int fd, const char *temporary, const char *name);

/** Makes a folder of mode 0700 that is there after a crash of the machine: its name is synced in the folder above. One
 *  that is there is no error, and its name is synced too, for whoever made it may not have. The folder above need not be
 *  readable then. 0, or the errno. */
int file_folder_make(const char *path);

/** Whether file_folder_make(path) would give a folder in which files may be made. Changes nothing. 0, or the errno. */
int file_folder_usable(const char *path);
/** Whether a file may be made, or replaced, at path. Likewise. */
int file_place_usable(const char *path);

/** Opens the folder behind the descriptor once more, to read its names; closedir ends that, and the descriptor stays as it is. NULL: errno. */
DIR *file_folder_read(int folder);

/** PV_DISK_FULL for an errno that means no room (ENOSPC, EDQUOT, EFBIG), else PV_IO. */
pv_status file_write_status(int error);

#endif
