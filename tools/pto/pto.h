/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* pto: what its subcommands share. */
#ifndef TOOLS_PTO_H
#define TOOLS_PTO_H

#include <stdbool.h>

struct argp_state;

/* Exit codes of every subcommand; PTO_WRONG: it ran, but a result is wrong. */
enum { PTO_OK = 0, PTO_WRONG = 1, PTO_USAGE = 2, PTO_FAILED = 3 };

int cmd_bench(int argc, char **argv);
int cmd_cc(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_fault(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_reset(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);

/** complain - say on standard error what is wrong; returns PTO_FAILED */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** number - an argument that is a whole number of a range, or the end with a usage message */
long long number(const struct argp_state *state, const char *arg, long long low, long long high);

/** part - path of a part of pto's own, such as "bin/pto-cc", for free() */
char *part(const char *name);

/** green, red, plain - what switches colour on and off, "" unless on a terminal */
const char *green(void);
const char *red(void);
const char *plain(void);

#endif
