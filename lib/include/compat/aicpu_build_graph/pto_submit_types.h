/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#include "../detail/submit_types.h"
