/*
 * The program behind the init, as small as one can be. It writes the moment (CLOCK_MONOTONIC, ns, eight bytes)
 * to its stdout as the first thing it does, and then, by its argument:
 *
 *   (none)   ends
 *   idle     waits for ever; FLOOD, the real-time signal of "runner flood", is nothing to it
 *   signals  writes the moment again for every SIGUSR1
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLOOD = 40 };

static void write_moment(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  if (write(1, &ns, sizeof ns) != sizeof ns) _exit(1);
}

int main(int argc, char **argv) {
  sigset_t awaited;
  if (argc < 2) {
    write_moment();
    return 0;
  }
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGUSR1);
  signal(FLOOD, SIG_IGN);
  /* Before the first word: whoever reads it may send a signal at once. */
  sigprocmask(SIG_BLOCK, &awaited, NULL);
  write_moment();
  if (!strcmp(argv[1], "idle"))
    for (;;) pause();
  for (int received; !sigwait(&awaited, &received);) write_moment();
  return 1;
}
