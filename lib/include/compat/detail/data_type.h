/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Kinds of element. */
#ifndef PTO_COMPAT_DATA_TYPE_H
#define PTO_COMPAT_DATA_TYPE_H

#include <cstdint>

enum class DataType : uint32_t {
	FLOAT32 = 0,
	FLOAT16 = 1,
	INT32 = 2,
	INT16 = 3,
	INT8 = 4,
	UINT8 = 5,
	BFLOAT16 = 6,
	INT64 = 7,
	UINT64 = 8,
	DATA_TYPE_NUM = 9,
};

/* Bytes of an element; 0 if there is no such type. */
inline uint64_t get_element_size(DataType type)
{
	constexpr uint8_t size[] = { 4, 2, 4, 2, 1, 1, 2, 8, 8 };

	return type < DataType::DATA_TYPE_NUM ? size[static_cast<uint32_t>(type)] : 0;
}

inline const char *get_dtype_name(DataType type)
{
	constexpr const char *name[] = {
		"FLOAT32", "FLOAT16", "INT32", "INT16", "INT8", "UINT8", "BFLOAT16", "INT64", "UINT64",
	};

	return type < DataType::DATA_TYPE_NUM ? name[static_cast<uint32_t>(type)] : "UNKNOWN";
}

#endif
