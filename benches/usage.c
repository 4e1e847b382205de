/* usage COMMAND ARG…: runs the command on its own standard input and output, and writes to descriptor 3: status, wall time in µs, CPU time
 * in µs, peak memory in KiB.
 *
 * Linux's peak memory of a child includes the parent's memory at the start, so the parent is this small program instead of an interpreter. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int count, char **arguments) {
  struct rusage used;
  int status;
  if (count < 2) return 2;
  long long began = microseconds();
  pid_t child = vfork();
  if (child < 0) return 2;
  if (child == 0) {
    close(3);
    execvp(arguments[1], arguments + 1);
    _exit(127);
  }
  if (wait4(child, &status, 0, &used) != child) return 2;
  long long wall = microseconds() - began;
  long long processor = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  dprintf(3, "%d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128, wall, processor, used.ru_maxrss);
  return 0;
}
