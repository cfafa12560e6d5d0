// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A shared object that is no kernel. */
void kernel_entrance(void);

void kernel_entrance(void)
{
}
