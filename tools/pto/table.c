// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Lists of JSON objects as tables. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "pto.h"
#include "table.h"

json_int_t row_int(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void format_plain(const json_t *row, const char *key, char *cell)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_string(value))
		snprintf(cell, CELL, "%s", *json_string_value(value) ?
			 json_string_value(value) : "-");
	else if (json_is_integer(value))
		snprintf(cell, CELL, "%lld", (long long)json_integer_value(value));
	else
		strcpy(cell, "-");
}

void format_device(const json_t *row, const char *key, char *cell)
{
	snprintf(cell, CELL, "pto%lld", (long long)row_int(row, key));
}

void text_bytes(unsigned long long bytes, char *cell)
{
	static const char units[] = "KMGT";
	double value = bytes;
	int unit = -1;

	while (value >= 1024 && unit < 3) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(cell, CELL, "%llu", bytes);
	else
		snprintf(cell, CELL, "%.1f%c", value, units[unit]);
}

void format_bytes(const json_t *row, const char *key, char *cell)
{
	text_bytes(row_int(row, key), cell);
}

void format_ns(const json_t *row, const char *key, char *cell)
{
	snprintf(cell, CELL, "%.3fs", row_int(row, key) / 1e9);
}

/* How many cores were busy on average. */
void format_cores(const json_t *row, const char *key, char *cell)
{
	snprintf(cell, CELL, "%.2f", json_number_value(json_object_get(row, key)));
}

void format_user(const json_t *row, const char *key, char *cell)
{
	const struct passwd *user = getpwuid(row_int(row, key));

	if (user)
		snprintf(cell, CELL, "%s", user->pw_name);
	else
		format_plain(row, key, cell);
}

/* 0 is a process that the reader's namespace does not show, or none. */
void format_pid(const json_t *row, const char *key, char *cell)
{
	if (row_int(row, key))
		format_plain(row, key, cell);
	else
		strcpy(cell, "-");
}

static void format_cell(const struct column *column, const json_t *row, char *cell)
{
	(column->format ? column->format : format_plain)(row, column->key, cell);
}

/* What ends a line needs no blanks behind it. */
static void print_cell(FILE *out, const char *text, int width, bool last)
{
	fprintf(out, "%*s%s", last && width < 0 ? 0 : width, text, last ? "\n" : "  ");
}

void table_print(FILE *out, const struct column *columns, size_t ncolumns, const json_t *rows)
{
	int widths[32], right[32];
	const json_t *row;
	char cell[CELL];
	size_t i, r;

	for (i = 0; i < ncolumns; i++) {
		widths[i] = strlen(columns[i].title);
		right[i] = 0;
		json_array_foreach((json_t *)rows, r, row) {
			format_cell(&columns[i], row, cell);
			widths[i] = (int)strlen(cell) > widths[i] ? (int)strlen(cell) : widths[i];
			right[i] |= json_is_number(json_object_get(row, columns[i].key)) &&
				    columns[i].format != format_device &&
				    columns[i].format != format_user;
		}
		print_cell(out, columns[i].title, right[i] ? widths[i] : -widths[i], i + 1 == ncolumns);
	}
	json_array_foreach((json_t *)rows, r, row) {
		for (i = 0; i < ncolumns; i++) {
			format_cell(&columns[i], row, cell);
			print_cell(out, cell, right[i] ? widths[i] : -widths[i], i + 1 == ncolumns);
		}
	}
}

int json_out(json_t *object, size_t flags)
{
	int bad = !object || json_dumpf(object, stdout, flags);

	putchar('\n');
	json_decref(object);
	return bad ? complain("writing the result: %m") : PTO_OK;
}
