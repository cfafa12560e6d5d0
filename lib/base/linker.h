/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The dynamic linker's lock: held around dlopen() and dlclose(), and by fork(), since a
 * child made while another thread is in there gets a linker whose tables are half done. A
 * constructor may fork or load, so the thread that has it may take it again.
 */
#ifndef BASE_LINKER_H
#define BASE_LINKER_H

#include <stdbool.h>

void linker_enter(void);
void linker_leave(void);

/** linker_try - linker_enter(), but for who can not wait until another has loaded something */
bool linker_try(void);

#endif
