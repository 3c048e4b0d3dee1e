// The program of the example images: answers every HTTP request on PORT (8080) with one line, until
// SIGTERM; then it exits 0. `server get` asks a running one and prints its answer, for health checks in
// images without a shell. Needs nothing of its image: gcc -static -O2 -o server server.c
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stop(int signal) {
  (void)signal;
  _exit(0);
}

static struct sockaddr_in address(in_addr_t host) {
  const char *port = getenv("PORT");
  return (struct sockaddr_in){AF_INET, htons(port ? atoi(port) : 8080), {htonl(host)}, {0}};
}

static int get(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = address(INADDR_LOOPBACK);
  if (connect(fd, (void *)&to, sizeof to)) return 1;
  if (write(fd, "GET / HTTP/1.0\r\n\r\n", 18) != 18) return 1;
  char answer[512];
  size_t length = 0;
  for (ssize_t got; (got = read(fd, answer + length, sizeof answer - 1 - length)) > 0;) length += got;
  answer[length] = 0;
  char *body = strstr(answer, "\r\n\r\n");
  if (!body) return 1;
  fputs(body + 4, stdout);
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "get")) return get();
  signal(SIGTERM, stop);
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in here = address(INADDR_ANY);
  if (bind(listener, (void *)&here, sizeof here) || listen(listener, 16)) {
    perror("server: cannot listen");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    char request[1024];
    if (read(client, request, sizeof request) > 0)
      dprintf(client, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello from %d below %d, user %d\n",
              getpid(), getppid(), getuid());
    close(client);
  }
}
