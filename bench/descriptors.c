/*
 * Both ends of the measurement of descriptors that were left open.
 *
 *   descriptors open COUNT LIMIT CMD ARG...    opens COUNT files from 3 up, sets the limit of open files (0: leaves it),
 *                                              writes the moment (CLOCK_MONOTONIC, ns, eight bytes) and becomes CMD
 *   descriptors mark CMD ARG...                what an init could do at best: one close_range(2) with CLOSE_RANGE_CLOEXEC,
 *   descriptors close CMD ARG...               or one without a flag,
 *   descriptors judge CMD ARG...               or fcntl(2) and statx(2) of each that /proc/self/fd lists, and then that one,
 *   descriptors loop END CMD ARG...            or what many programs do: close(2) of every number below END;
 *                                              then starts CMD, waits for it and ends as it does
 */
#define _GNU_SOURCE
#include <err.h>
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 99, CLOEXEC = 4 /* CLOSE_RANGE_CLOEXEC */ };
extern char **environ;

static void write_moment(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  if (write(1, &ns, sizeof ns) != sizeof ns) err(FAILED, "write");
}

static void become(int count, rlim_t limit, char **command) {
  syscall(SYS_close_range, 3, ~0U, 0);
  struct rlimit now;
  getrlimit(RLIMIT_NOFILE, &now);
  struct rlimit room = {now.rlim_max, now.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &room)) err(FAILED, "setrlimit");
  for (int fd = 3; fd < 3 + count; fd++)
    if (open("/dev/null", O_RDWR) != fd) err(FAILED, "open %d", fd);
  struct rlimit wanted = {limit, limit > now.rlim_max ? limit : now.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, limit ? &wanted : &now)) err(FAILED, "setrlimit %lu", (unsigned long)limit);
  write_moment();
  execv(command[0], command);
  err(FAILED, "%s", command[0]);
}

static int run(char **command) {
  pid_t pid;
  int status;
  if (posix_spawn(&pid, command[0], NULL, NULL, command, environ)) err(FAILED, "%s", command[0]);
  while (waitpid(pid, &status, 0) < 0) continue;
  return WEXITSTATUS(status);
}

/* The least that tells what a descriptor is, on which mount, and how it was opened. */
static void look_at_each(void) {
  DIR *listed = opendir("/proc/self/fd");
  if (!listed) err(FAILED, "/proc/self/fd");
  for (struct dirent *entry; (entry = readdir(listed));) {
    struct statx status;
    int fd = atoi(entry->d_name);
    if (fd < 3 || fd == dirfd(listed)) continue;
    if (fcntl(fd, F_GETFL) < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | 0x1000 /* STATX_MNT_ID */, &status))
      err(FAILED, "descriptor %d", fd);
  }
  closedir(listed);
}

int main(int argc, char **argv) {
  const char *verb = argc > 2 ? argv[1] : "";
  if (!strcmp(verb, "open") && argc > 4) become(atoi(argv[2]), strtoul(argv[3], NULL, 10), argv + 4);
  if (!strcmp(verb, "mark")) {
    if (syscall(SYS_close_range, 3, ~0U, CLOEXEC)) err(FAILED, "close_range");
    return run(argv + 2);
  }
  if (!strcmp(verb, "close") || !strcmp(verb, "judge")) {
    if (!strcmp(verb, "judge")) look_at_each();
    if (syscall(SYS_close_range, 3, ~0U, 0)) err(FAILED, "close_range");
    return run(argv + 2);
  }
  if (!strcmp(verb, "loop") && argc > 3) {
    int end = atoi(argv[2]);
    for (int fd = 3; fd < end; fd++) close(fd);
    return run(argv + 3);
  }
  errx(FAILED, "usage: descriptors open|mark|close|judge|loop ... CMD ARG...");
}
