/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef ATTENTION_H
#define ATTENTION_H

/* Which page of its sequence an update is for. */
#define FIRST	1
#define LAST	2

#endif
