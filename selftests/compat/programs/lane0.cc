// SPDX-License-Identifier: MIT OR LGPL-2.1
#define LANE 0
#include "lane.h"
