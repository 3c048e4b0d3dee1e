/*
 * Makes orphans for PID 1 to reap: `orphans COUNT` as a child of PID 1 in a PID namespace of its own. Parents
 * with a hundred children each end at once, and so do the children, which PID 1 inherits. Ends when not one is
 * left, and prints "TOTAL_NS TAIL_NS": from the first fork, and from the last, until the last was reaped. Then it
 * waits for the end of its standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 100, PAUSE_NS = 100000, TIMEOUT_S = 60 };

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void make_orphans(int count) {
  pid_t parent = fork();
  if (parent < 0) exit(2);
  if (parent == 0) {
    for (int i = 0; i < count; i++) {
      pid_t child = fork();
      if (child < 0) _exit(2); /* a limit of processes: the figure would be of fewer orphans */
      if (child == 0) _exit(0);
    }
    _exit(0);
  }
  int status;
  if (waitpid(parent, &status, 0) != parent || status) exit(2);
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  alarm(TIMEOUT_S);
  int64_t first_ns = now_ns();
  for (int made = 0; made < count; made += BATCH) make_orphans(count - made < BATCH ? count - made : BATCH);
  int64_t last_ns = now_ns();
  /* kill(-1) leaves out PID 1 and the caller and counts zombies: ESRCH says that everyone else was reaped. */
  while (kill(-1, 0) == 0 || errno != ESRCH) nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  int64_t end_ns = now_ns();
  printf("%lld %lld\n", (long long)(end_ns - first_ns), (long long)(end_ns - last_ns));
  fflush(stdout);
  while (getchar() != EOF) continue;
  return 0;
}
