/*
 * Times processes from outside: starts commands round after round, interleaved (A B C A B C ...), so
 * that whatever else the machine does strikes all of them alike. One line a sample: "command,ns".
 *
 *   runner whole   WARMUP ROUNDS  CMD ARG... [';;' CMD ARG...]...   start until waited for
 *   runner start   WARMUP ROUNDS  ...    start until the moment that the payload wrote to its stdout
 *   runner between WARMUP ROUNDS  ...    the first moment written to its stdout (by what stands before the init) until the second
 *   runner signals WARMUP ROUNDS  ...    kill(2) on the started process until the moment that the payload wrote
 *   runner flood   PID COUNT    sends COUNT real-time signals, none of which is lost
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FLOOD = 40 }; /* payload.c ignores it */
enum { MAX_COMMANDS = 64, TIMEOUT_S = 10, PAUSE_BETWEEN_SIGNALS_NS = 2000000 };

struct command {
  char **argv;
  pid_t pid;
  int output; /* read end of the payload's stdout; -1 in "whole" */
};

extern char **environ;
static struct command commands[MAX_COMMANDS];
static int command_count;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void kill_all(void) {
  for (int i = 0; i < command_count; i++)
    if (commands[i].pid > 0) kill(commands[i].pid, SIGKILL);
}

static void fail(const char *what, const char *subject) {
  fprintf(stderr, "runner: %s: %s\n", subject, what);
  kill_all();
  exit(1);
}

/* Nothing measured here takes seconds: a hang is killed, and its exit status then fails the run. */
static void on_alarm(int signal) {
  (void)signal;
  kill_all();
}

static void start(struct command *command, int with_output) {
  int ends[2] = {-1, -1};
  posix_spawn_file_actions_t actions;
  if (posix_spawn_file_actions_init(&actions)) fail("no memory", "file actions");
  if (with_output) {
    if (pipe2(ends, O_CLOEXEC)) fail("cannot make a pipe", command->argv[0]);
    if (posix_spawn_file_actions_adddup2(&actions, ends[1], 1)) fail("no memory", "file actions");
  } else if (posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)) {
    fail("no memory", "file actions");
  }
  alarm(TIMEOUT_S);
  if (posix_spawn(&command->pid, command->argv[0], &actions, NULL, command->argv, environ))
    fail("cannot be started", command->argv[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (with_output) close(ends[1]);
  command->output = ends[0];
}

static int64_t read_moment(struct command *command) {
  int64_t moment_ns;
  struct pollfd readable = {.fd = command->output, .events = POLLIN};
  if (poll(&readable, 1, TIMEOUT_S * 1000) != 1) fail("the payload wrote nothing", command->argv[0]);
  if (read(command->output, &moment_ns, sizeof moment_ns) != sizeof moment_ns)
    fail("the payload ended without a word", command->argv[0]);
  return moment_ns;
}

static int wait_for(struct command *command) {
  int status;
  while (waitpid(command->pid, &status, 0) < 0) continue;
  alarm(0);
  command->pid = 0;
  if (command->output >= 0) close(command->output);
  return status;
}

static void print_sample(int index, int64_t ns) { printf("%d,%lld\n", index, (long long)ns); }

static void time_starts(int warmup, int rounds, int moments) {
  for (int round = -warmup; round < rounds; round++)
    for (int i = 0; i < command_count; i++) {
      int64_t before_ns = now_ns();
      start(&commands[i], moments > 0);
      if (moments > 1) before_ns = read_moment(&commands[i]);
      int64_t payload_ns = moments ? read_moment(&commands[i]) : 0;
      int status = wait_for(&commands[i]);
      int64_t after_ns = moments ? payload_ns : now_ns();
      if (status) fail("did not end with 0", commands[i].argv[0]);
      if (round >= 0) print_sample(i, after_ns - before_ns);
    }
}

static void time_signals(int warmup, int rounds) {
  for (int i = 0; i < command_count; i++) {
    start(&commands[i], 1);
    read_moment(&commands[i]);
  }
  for (int round = -warmup; round < rounds; round++)
    for (int i = 0; i < command_count; i++) {
      alarm(TIMEOUT_S);
      /* Everybody is back in its wait by then: what counts is a signal to an idle container. */
      nanosleep(&(struct timespec){.tv_nsec = PAUSE_BETWEEN_SIGNALS_NS}, NULL);
      int64_t before_ns = now_ns();
      kill(commands[i].pid, SIGUSR1);
      int64_t payload_ns = read_moment(&commands[i]);
      if (round >= 0) print_sample(i, payload_ns - before_ns);
    }
  for (int i = 0; i < command_count; i++) {
    kill(commands[i].pid, SIGTERM);
    wait_for(&commands[i]);
  }
}

static int flood(pid_t pid, int count) {
  for (int sent = 0; sent < count; sent++)
    while (sigqueue(pid, FLOOD, (union sigval){.sival_int = sent})) {
      if (errno != EAGAIN) fail("cannot be sent signals", "the process");
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* RLIMIT_SIGPENDING */
    }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "flood")) return flood(atoi(argv[2]), atoi(argv[3]));
  if (argc < 5) fail("usage: runner whole|start|between|signals WARMUP ROUNDS CMD ARG... [';;' CMD ARG...]...", "arguments");
  int warmup = atoi(argv[2]), rounds = atoi(argv[3]);
  char **words = argv + 4;
  for (char **word = words; word <= argv + argc; word++) {
    if (*word && strcmp(*word, ";;")) continue;
    if (command_count == MAX_COMMANDS) fail("too many commands", "arguments");
    *word = NULL;
    commands[command_count++] = (struct command){.argv = words, .output = -1};
    words = word + 1;
  }
  signal(SIGALRM, on_alarm);
  if (!strcmp(argv[1], "whole")) time_starts(warmup, rounds, 0);
  else if (!strcmp(argv[1], "start")) time_starts(warmup, rounds, 1);
  else if (!strcmp(argv[1], "between")) time_starts(warmup, rounds, 2);
  else if (!strcmp(argv[1], "signals")) time_signals(warmup, rounds);
  else fail("no such measurement", argv[1]);
  return 0;
}
