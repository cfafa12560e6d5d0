/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#include "../detail/param.h"
