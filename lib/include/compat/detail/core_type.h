/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Kinds of core. */
#ifndef PTO_COMPAT_CORE_TYPE_H
#define PTO_COMPAT_CORE_TYPE_H

enum class CoreType : int {
	AIC = 0,
	AIV = 1,
};

inline const char *core_type_to_string(CoreType type)
{
	return type == CoreType::AIC ? "aic" : type == CoreType::AIV ? "aiv" : "unknown";
}

#endif
