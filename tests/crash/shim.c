/* Stands between SQLite and the disk: counts, fails, ends the process, records.

   LD_PRELOAD this into a process. CRASH_CONTROL names a file that holds the
   `struct control` below; whoever maps it too may change it at any moment.
   CRASH_PREFIX says which files are watched: those whose path begins with it,
   and the folder that they are in. CRASH_LOG, if set, names the file to which
   every change of a watched file is appended while `recording` is set, in the
   order in which the calls returned. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, UNLINK = 8, CREATE = 16 };
enum { DB = 1, WAL = 2, SHM = 4, JOURNAL = 8, FOLDER = 16 };
enum { PASS, KILL_BEFORE, KILL_HALF, KILL_AFTER, FAIL };

struct control {
  int64_t first;     /* the first call that `action` is done to; 1 is the next */
  int64_t last;      /* the last one */
  int64_t seen;      /* calls so far that are of `calls` and on `files` */
  int32_t calls;     /* which calls are counted: a sum of WRITE.. */
  int32_t files;     /* on which files: a sum of DB.. */
  int32_t action;    /* what is done to the calls from `first` to `last` */
  int32_t error;     /* the errno of FAIL */
  int32_t recording; /* whether changes are recorded */
  int32_t loaded;    /* set to 1 by this library: the proof that it is there */
};

struct record {
  int32_t call, file;
  int64_t offset, length; /* a truncation has its new size as its offset */
};

static struct control *control;
static const char *prefix;
static size_t prefix_length;
static int log_fd = -1;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("CRASH_CONTROL");
  prefix = getenv("CRASH_PREFIX");
  if (!path || !prefix) return;
  prefix_length = strlen(prefix);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void *found =
      mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (found == MAP_FAILED) abort();
  close(fd);
  control = found;
  control->loaded = 1;
  path = getenv("CRASH_LOG");
  if (path) {
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
    if (log_fd < 0) abort();
  }
}

static int kind_of(const char *path) {
  if (!control || !path) return 0;
  if (strncmp(path, prefix, prefix_length) == 0) {
    const char *end = path + strlen(path);
    if (end - path > 4 && strcmp(end - 4, "-wal") == 0) return WAL;
    if (end - path > 4 && strcmp(end - 4, "-shm") == 0) return SHM;
    if (end - path > 8 && strcmp(end - 8, "-journal") == 0) return JOURNAL;
    return DB;
  }
  const char *slash = strrchr(prefix, '/');
  size_t folder = slash ? (size_t)(slash - prefix) : 0;
  if (folder && strlen(path) == folder && strncmp(path, prefix, folder) == 0)
    return FOLDER;
  return 0;
}

static int kind_of_fd(int fd) {
  char name[64], path[PATH_MAX];
  if (!control) return 0;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  char *deleted = strstr(path, " (deleted)");
  if (deleted) *deleted = 0;
  return kind_of(path);
}

static void end_process(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* What is to be done to this call; ends the process here if that is it. */
static int due(int call, int kind) {
  if (!(control->calls & call) || !(control->files & kind)) return PASS;
  int64_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
  if (number < control->first || number > control->last) return PASS;
  if (control->action == KILL_BEFORE) end_process();
  return control->action;
}

static int fails(int action) {
  if (action != FAIL) return 0;
  errno = control->error;
  return 1;
}

static void record(int call, int kind, int64_t offset, const void *data, int64_t n) {
  if (!control->recording || log_fd < 0) return;
  int kept = errno;
  struct record head = {call, kind, offset, n};
  char *whole = malloc(sizeof head + (size_t)n);
  if (!whole) abort();
  memcpy(whole, &head, sizeof head);
  if (n) memcpy(whole + sizeof head, data, (size_t)n);
  long size = (long)sizeof head + n;
  if (syscall(SYS_write, log_fd, whole, size) != size) abort();
  free(whole);
  errno = kept;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
  REAL(pwrite64);
  int kind = kind_of_fd(fd);
  if (!kind) return real(fd, data, n, offset);
  int action = due(WRITE, kind);
  if (fails(action)) return -1;
  if (action == KILL_HALF) {
    real(fd, data, n / 2, offset);
    end_process();
  }
  ssize_t done = real(fd, data, n, offset);
  if (done > 0) record(WRITE, kind, offset, data, done);
  if (action == KILL_AFTER) end_process();
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
  return pwrite64(fd, data, n, offset);
}

ssize_t write(int fd, const void *data, size_t n) {
  REAL(write);
  if (!kind_of_fd(fd)) return real(fd, data, n);
  return pwrite64(fd, data, n, lseek64(fd, 0, SEEK_CUR));
}

#define CHANGE(call, kind, done, offset) \
  int action = due(call, kind); \
  if (fails(action)) return -1; \
  if (action == KILL_HALF) end_process(); \
  int result = done; \
  if (result >= 0) record(call, kind, offset, NULL, 0); \
  if (action == KILL_AFTER) end_process(); \
  return result

int fdatasync(int fd) {
  REAL(fdatasync);
  int kind = kind_of_fd(fd);
  if (!kind) return real(fd);
  CHANGE(SYNC, kind, real(fd), 0);
}

int fsync(int fd) {
  REAL(fsync);
  int kind = kind_of_fd(fd);
  if (!kind) return real(fd);
  CHANGE(SYNC, kind, real(fd), 0);
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  int kind = kind_of_fd(fd);
  if (!kind) return real(fd, size);
  CHANGE(TRUNCATE, kind, real(fd, size), size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int unlink(const char *path) {
  REAL(unlink);
  int kind = kind_of(path);
  if (!kind) return real(path);
  CHANGE(UNLINK, kind, real(path), 0);
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  int kind = kind_of(path);
  if (!kind || !(flags & O_CREAT) || access(path, F_OK) == 0)
    return real(path, flags, mode);
  CHANGE(CREATE, kind, real(path, flags, mode), 0);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open64(path, flags, mode);
}
