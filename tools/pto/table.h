/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Lists of JSON objects as tables, and how values are written for people. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <jansson.h>
#include <stdio.h>

#define CELL	80

/**
 * struct column - of a table
 * @key:	member of the row, for @format
 * @format:	writes the cell, CELL bytes; NULL: as it is
 */
struct column {
	const char *title;
	const char *key;
	void (*format)(const json_t *row, const char *key, char *cell);
};

/** table_print - numbers to the right, the rest to the left, a column as wide as it must be */
void table_print(FILE *out, const struct column *columns, size_t ncolumns, const json_t *rows);
#define TABLE_PRINT(out, columns, rows) \
	table_print(out, columns, sizeof(columns) / sizeof((columns)[0]), rows)

/** row_int - a member as a number, 0 if it is none */
json_int_t row_int(const json_t *row, const char *key);

void format_device(const json_t *row, const char *key, char *cell);
void format_bytes(const json_t *row, const char *key, char *cell);
void format_ns(const json_t *row, const char *key, char *cell);
void format_user(const json_t *row, const char *key, char *cell);
void format_cores(const json_t *row, const char *key, char *cell);
void format_pid(const json_t *row, const char *key, char *cell);

/** text_bytes - "1.5 GiB", into @cell */
void text_bytes(unsigned long long bytes, char *cell);

/** json_out - print @object, which is taken over; PTO_OK or PTO_FAILED */
int json_out(json_t *object, size_t flags);

#endif
